"""Graphs of steps for tests, without a definition behind them."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from shared.workflow_runs.events import Event
from shared.workflow_runs.graph import Graph, GraphStep, end_after
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import END, Created, UnitClaim


def step(*after: str, **changes: Any) -> GraphStep:
    fields: dict[str, Any] = {
        "task": "count",
        "fan_out": False,
        "in_flight": 1,
        "stage": "reasoner",
        "priority": "normal",
        "retries": 2,
        "deadline_ms": 60_000,
    }
    return GraphStep(after=after, **(fields | changes))


def graph(**steps: GraphStep) -> Graph:
    """The steps and the end after all that nobody waits for."""
    waited_for = {name for each in steps.values() for name in each.after}
    return steps | {END: end_after(tuple(name for name in steps if name not in waited_for))}


async def create(runs: WorkflowRuns, asked: Graph, **changes: Any) -> Created:
    settings: dict[str, Any] = {
        "run_id": uuid.uuid4().hex,
        "tenant": "alpha",
        "definition_json": '{"workflow":"w"}',
        "workflow_name": "w",
        "version": 1,
        "inputs_json": '{"scene":"sha256:1"}',
        "idempotency_key": "",
        "digest": "d",
        "timeout_s": 30.0,
        "max_running": 99,
        "trace": "t",
    }
    return await runs.create(graph=asked, **(settings | changes))


async def claimed(runs: WorkflowRuns, run_id: str, unit: str, owner: str = "me") -> UnitClaim:
    claim = await runs.claim(run_id, unit, owner)
    assert isinstance(claim, UnitClaim), claim
    return claim


async def committed(runs: WorkflowRuns, run_id: str, unit: str, outputs: Any = None) -> list[str]:
    """Claims and commits; the units that may run then."""
    claim = await claimed(runs, run_id, unit)
    ready = await runs.commit(claim, await runs.keep_outputs(claim, json.dumps(outputs or {})))
    assert ready is not None
    return [each.unit for each in ready]


async def told(runs: WorkflowRuns, run_id: str, after_event: int = 0) -> list[Event]:
    async with asyncio.timeout(5):
        found = [each async for each in runs.follow(run_id, after_event)]
    assert [each.number for each in found] == list(
        range(after_event + 1, after_event + 1 + len(found))
    )
    return [each.event for each in found]


async def outputs(runs: WorkflowRuns, run_id: str, *steps: str) -> Any:
    found = await runs.values(run_id, steps)
    return {name: json.loads(text) for name, text in found.items()}


async def item_outputs(runs: WorkflowRuns, run_id: str) -> list[Any]:
    return [json.loads(text) for text in await runs.item_values(run_id, "seen")]
