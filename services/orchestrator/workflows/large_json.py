"""JSON of values to and fro; what is large in a thread, for the masks of a scene take seconds.

Meanwhile other units renew their leases on the event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from workflow_language.document import Json
from workflow_language.value_json import value_from_json, value_to_json
from workflow_language.value_types import ValueType
from workflow_language.values import Value

# Less takes no longer than a few milliseconds.
SHORT_CHARACTERS = 256 * 1024
FEW_ITEMS = 500
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class WrittenOutputs:
    """Outputs by name as JSON values, and all of them as a text."""

    outputs: Mapping[str, Json]
    text: str


async def read(text: str, kinds: Mapping[str, ValueType]) -> dict[str, Value]:
    """Values by name from their JSON.

    Raises:
        NotOfType: One is not of its type.
    """

    def work() -> dict[str, Value]:
        given = json.loads(text)
        return {name: value_from_json(kinds[name], each) for name, each in given.items()}

    return await _done(work, len(text) > SHORT_CHARACTERS)


async def written(outputs: Mapping[str, Value]) -> WrittenOutputs:
    """What a task gave, as JSON."""

    def work() -> WrittenOutputs:
        return _written({name: value_to_json(value) for name, value in outputs.items()})

    lists = (value for value in outputs.values() if isinstance(value, tuple))
    return await _done(work, sum(map(len, lists)) > FEW_ITEMS)


async def gathered(items: Sequence[str], names: Iterable[str]) -> WrittenOutputs:
    """What the items of a step gave, each a JSON object by name, as lists by name."""

    def work() -> WrittenOutputs:
        given = [json.loads(text) for text in items]
        return _written({name: [each[name] for each in given] for name in names})

    return await _done(work, sum(map(len, items)) > SHORT_CHARACTERS)


def _written(outputs: dict[str, Json]) -> WrittenOutputs:
    return WrittenOutputs(outputs, json.dumps(outputs, separators=(",", ":")))


async def _done(work: Callable[[], ResultT], takes_long: bool) -> ResultT:
    return await asyncio.to_thread(work) if takes_long else work()
