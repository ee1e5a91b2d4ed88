from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from redis.asyncio import Redis

from services.orchestrator.going_on import GoingOn
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.step_metrics import BacklogMetrics, StepMetrics
from services.orchestrator.task_work.context import TaskWork
from services.orchestrator.workflows.run_ends import RunEnds
from services.orchestrator.workflows.sweep import WorkflowSweep
from services.orchestrator.workflows.unit_changes import UnitChanges
from services.orchestrator.workflows.unit_runner import UnitRunner
from shared.messages.celery_app import UnitCommand
from shared.run_records.backlog import Backlog
from shared.settings import Secret
from shared.workflow_runs.events import Event
from shared.workflow_runs.graph import graph_of
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import ReadyUnit, RunLimits
from tests.services.orchestrator.conftest import SUITE_KEY
from tests.services.orchestrator.workflows.stand_ins import NO_PARTS, SCENE_VIEW, STAND_INS
from workflow_language import Plan, canonical_json, compile_text
from workflow_language.document import Json
from workflow_language.value_json import value_to_json

FAST = RunLimits(lease_s=1.0, spare_claims=3, max_rewinds=2, resend_after_s=0.05, max_resend_s=0.2)
SCENE_JSON = value_to_json(SCENE_VIEW)


class Bench:
    """Unit runner and sweeper on real Redis; messages lie in `sent` until they are run."""

    def __init__(
        self,
        redis: Redis,
        tasks: Mapping[str, TaskWork],
        limits: RunLimits = FAST,
        large: LargeValues | None = None,
    ) -> None:
        self.redis = redis
        self.runs = WorkflowRuns(redis, limits, large)
        self.sent: list[ReadyUnit] = []
        self.ends = RunEnds(redis)
        self._tasks = STAND_INS | dict(tasks)
        self._counts = StepMetrics(MeterProvider().get_meter("test"))
        backlog = BacklogMetrics(MeterProvider().get_meter("test"))
        self.sweep = WorkflowSweep(self.runs, self.send, self._counts, backlog)
        self.restart()

    def restart(self) -> None:
        """As a process that begins: nothing is kept but what the records have."""
        settings = OrchestratorSettings(
            suite_key=Secret(SUITE_KEY), retry_base_s=0.005, retry_cap_s=0.02
        )
        changes = UnitChanges(self.runs, self._tasks, NO_PARTS)
        self.going_on = GoingOn(Backlog(self.redis), ())
        tracer = TracerProvider().get_tracer("test")
        self.runner = UnitRunner(
            self.runs,
            self.going_on,
            changes,
            self.ends,
            self.send,
            settings,
            tracer,
            self._counts,
        )

    async def send(self, ready: Sequence[ReadyUnit]) -> None:
        self.sent += ready

    async def create(self, plan: Plan, inputs: dict[str, Json], **changes: Any) -> str:
        settings: dict[str, Any] = {
            "idempotency_key": "",
            "digest": "",
            "timeout_s": 30.0,
            "max_running": 9,
            "trace": "",
        }
        created = await self.runs.create(
            uuid.uuid4().hex,
            "alpha",
            canonical_json(plan.definition),
            workflow_name=plan.definition.name,
            version=0,
            inputs_json=json.dumps(inputs),
            graph=graph_of(plan),
            **(settings | changes),
        )
        self.sent += created.ready
        return created.run_id

    async def deliver(self, unit: ReadyUnit, times: int = 1) -> None:
        command = UnitCommand(unit.run_id, unit.unit, unit.attempt)
        await asyncio.gather(*(self.runner.run(command, "") for _ in range(times)))

    async def run_all(self, run_id: str, timeout_s: float = 10) -> str:
        """Runs what is sent, by the sweeper too, until the run has ended; its state."""
        async with asyncio.timeout(timeout_s):
            while True:
                while self.sent:
                    await self.deliver(self.sent.pop(0))
                view = await self.runs.read(run_id)
                if view.state != "running":
                    return view.state
                await self.sweep.look()
                await asyncio.sleep(0.005)

    async def told(self, run_id: str) -> list[Event]:
        async with asyncio.timeout(5):
            return [each.event async for each in self.runs.follow(run_id)]

    async def outputs(self, run_id: str) -> Any:
        return json.loads((await self.runs.read(run_id)).outputs_json)


@pytest.fixture
async def make_bench(redis: Redis) -> AsyncIterator[Callable[..., Bench]]:
    listening: list[asyncio.Task[None]] = []

    def make(**tasks: TaskWork) -> Bench:
        bench = Bench(redis, tasks)
        listening.append(asyncio.create_task(bench.ends.listen()))
        return bench

    yield make
    for each in listening:
        each.cancel()
    await asyncio.gather(*listening, return_exceptions=True)


def planned(text: str) -> Plan:
    return compile_text(text)
