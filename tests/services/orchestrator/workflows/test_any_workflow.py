"""Whatever the workflow, and whatever happens to its units, a run comes to the right answer."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.run_records.state_redis import open_state_redis
from shared.workflow_runs.views import ReadyUnit, RunLimits
from tests.services.orchestrator.task_work.run_plan import run_plan
from tests.services.orchestrator.workflows.conftest import SCENE_JSON, Bench
from tests.services.orchestrator.workflows.stand_ins import NO_PARTS, STAND_INS
from tests.shared.workflow_runs.history import check_history
from tests.workflow_language.random_workflows import Expected, workflows
from workflow_language import Plan, compile_text
from workflow_language.document import Json
from workflow_language.region_sets import Region
from workflow_language.value_json import value_from_json, value_to_json
from workflow_language.values import Value

LIMITS = RunLimits(
    lease_s=0.03,
    spare_claims=500,
    max_rewinds=500,
    resend_after_s=0.01,
    max_resend_s=0.02,
    in_flight_per_tenant=3,
)
GIVEN: dict[str, Json] = {
    "scene": SCENE_JSON,
    "frames": [SCENE_JSON] * 3,
    "marks": [value_to_json(Region((0.0, 0.0, 9.0, 9.0), label="x"))] * 2,
    "word": "ship",
    "least": 1,
    "wanted": True,
}
# Half of what happens to a unit is ordinary.
LUCK = ("once",) * 7 + ("thrice", "lost", "dies", "cancelled", "swept", "restart", "gone")


class World:
    """A driver with bad luck."""

    def __init__(self, bench: Bench, run_id: str, luck: list[str], seed: int) -> None:
        self.bench = bench
        self.run_id = run_id
        self.luck = luck
        self.random = random.Random(seed)

    async def go_on(self) -> str:
        """To the end of the run; its state."""
        sent = self.bench.sent
        while True:
            if sent:
                unit = sent.pop(self.random.randrange(len(sent)))
                await self._happen(self.luck.pop() if self.luck else "once", unit)
                continue
            state = (await self.bench.runs.read(self.run_id)).state
            if state != "running":
                return state
            await self.bench.sweep.look()
            await asyncio.sleep(0.002)

    async def _happen(self, what: str, unit: ReadyUnit) -> None:
        match what:
            case "once":
                await self.bench.deliver(unit)
            case "thrice":
                await self.bench.deliver(unit, times=3)
            case "dies":
                await self.bench.runs.claim(unit.run_id, unit.unit, "who dies")
            case "swept":
                await self.bench.sweep.look()
                await self.bench.deliver(unit)
            case "restart":
                self.bench.restart()
                await self.bench.deliver(unit)
            case "gone":
                await self._lose_outputs()
                await self.bench.deliver(unit)
            case "cancelled":
                if await self.bench.runs.request_cancel(self.run_id):
                    again = await self.bench.runs.resume(self.run_id, timeout_s=60, max_running=9)
                    await self.bench.send(again)
                await self.bench.deliver(unit)

    async def _lose_outputs(self) -> None:
        """One step's, or one item's."""
        record = f"workflow:run:{self.run_id}"
        hashes = [f"{record}:outputs"]
        hashes += [key async for key in self.bench.redis.scan_iter(f"{record}:items:*")]
        place = self.random.choice(hashes)
        for field in sorted(await self.bench.redis.hkeys(place))[:1]:
            await self.bench.redis.hset(place, field, "")
        self.bench.restart()


async def run_with(url: str, plan: Plan, luck: list[str], seed: int) -> tuple[str, Any, list[Any]]:
    """State, outputs and events of a run."""
    redis = open_state_redis(url)
    await redis.flushall()
    bench = Bench(redis, {}, LIMITS)
    inputs = {name: GIVEN[name] for name in plan.definition.inputs}
    run_id = await bench.create(plan, inputs, timeout_s=60.0)
    async with asyncio.timeout(20):
        state = await World(bench, run_id, luck, seed).go_on()
        told = [each async for each in bench.runs.follow(run_id)]
    view = await bench.runs.read(run_id)
    for key in ("workflow:due", "workflow:in_flight:alpha", "workflow:waiting:alpha"):
        assert not await redis.exists(key), key
    await redis.aclose()
    return state, json.loads(view.outputs_json or "null"), told


async def answer_of(plan: Plan) -> dict[str, Value] | None:
    """What a run must give; None if a value is beyond what a task takes."""
    inputs = {
        name: value_from_json(declared.type, GIVEN[name])
        for name, declared in plan.definition.inputs.items()
    }
    try:
        return await run_plan(plan, inputs, NO_PARTS, tenant="alpha", task_work=STAND_INS)
    except InvalidInput:
        return None


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(workflows(), st.lists(st.sampled_from(LUCK), max_size=25), st.integers(0, 2**16))
def test_a_run_comes_to_the_right_answer(
    state_url: str, expected: Expected, luck: list[str], seed: int
) -> None:
    plan = compile_text(json.dumps(expected.document))
    right = asyncio.run(answer_of(plan))
    state, outputs, told = asyncio.run(run_with(state_url, plan, list(luck), seed))
    check_history(told, {step.id: step.after for step in plan.steps})
    if right is None:
        assert state == "failed"
        assert told[-1].event.fault.code == "INVALID_INPUT"
    else:
        assert state == "succeeded", told[-1].event
        assert outputs == {name: value_to_json(value) for name, value in right.items()}
