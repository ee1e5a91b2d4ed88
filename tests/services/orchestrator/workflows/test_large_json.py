from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from services.orchestrator.workflows.large_json import SHORT_CHARACTERS, gathered, read, written
from workflow_language.region_sets import Region
from workflow_language.value_types import REGIONS, list_of

T = TypeVar("T")


async def and_turns(work: Awaitable[T]) -> tuple[T, int]:
    """The result, and how often others had the event loop meanwhile."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    try:
        return await work, turns
    finally:
        beside.cancel()


@pytest.mark.parametrize(("count", "in_a_thread"), [(3, False), (6000, True)])
async def test_values_are_the_same_and_large_ones_keep_nobody_waiting(
    count: int, in_a_thread: bool
) -> None:
    regions = tuple(Region((n, 0.0, n + 1.5, 2.0), label="ship", score=0.5) for n in range(count))
    given, turns = await and_turns(written({"regions": regions}))
    assert (turns > 0) == in_a_thread == (len(given.text) > SHORT_CHARACTERS)
    found, turns = await and_turns(read(given.text, {"regions": REGIONS}))
    assert found == {"regions": regions} and (turns > 0) == in_a_thread
    lists, turns = await and_turns(gathered([given.text] * 2, ["regions"]))
    assert (turns > 0) == in_a_thread
    assert await read(lists.text, {"regions": list_of(REGIONS)}) == {"regions": (regions, regions)}
