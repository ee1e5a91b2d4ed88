from __future__ import annotations

import asyncio

import pytest

from services.orchestrator.workflows.plan_cache import PlanCache
from shared.errors import InvalidInput

TEXT = """\
workflow: counted
inputs: {marks: regions}
steps: [{id: number, task: count, with: {regions: $marks}}]
outputs: {number: $number.number}
"""


async def test_a_plan_is_compiled_once_however_many_units_begin_with_it() -> None:
    asked: list[str] = []

    async def definition_of(digest: str) -> str:
        asked.append(digest)
        return TEXT

    plans = PlanCache(definition_of, kept=2)
    found = await asyncio.gather(*(plans.plan("a") for _ in range(8)))
    assert all(plan is found[0] for plan in found)
    for digest in ("b", "a", "c", "a", "b"):
        await plans.plan(digest)
    assert asked == ["a", "b", "c", "b"]


async def test_a_workflow_that_this_release_does_not_know_is_no_fault_of_ours() -> None:
    async def definition_of(digest: str) -> str:
        return TEXT.replace("task: count", "task: of_tomorrow")

    with pytest.raises(InvalidInput, match="of_tomorrow"):
        await PlanCache(definition_of).plan("a")
