"""The parts of a process that runs workflows, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from redis.asyncio import Redis

from services.orchestrator.going_on import GoingOn
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.step_metrics import BacklogMetrics, StepMetrics
from services.orchestrator.task_work.context import TaskParts, TaskWork
from services.orchestrator.task_work.scene_spool import SceneSpool
from services.orchestrator.workflows.run_ends import RunEnds
from services.orchestrator.workflows.sweep import WorkflowSweep
from services.orchestrator.workflows.unit_changes import UnitChanges
from services.orchestrator.workflows.unit_runner import SendUnits, UnitRunner
from shared.stage_clients import StageClients
from shared.telemetry import Telemetry
from shared.tensors.open_store import StoreParts, store_on
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.runs import WorkflowRuns
from workflow_language.definition import LIMIT_DEADLINE_S


class WorkflowEngine:
    """`runner` runs units, `sweep` finds what nobody works on; both keep to `runs`."""

    def __init__(
        self,
        redis: Redis,
        stages: StageClients,
        tasks: Mapping[str, TaskWork],
        send: SendUnits,
        opened: StoreParts,
        settings: OrchestratorSettings,
        telemetry: Telemetry,
        step_metrics: StepMetrics,
        backlog_metrics: BacklogMetrics,
        going_on: GoingOn,
    ) -> None:
        """Call inside the event loop. Redis and stages stay the caller's, not what is `opened`."""
        self._store = store_on(opened, settings)
        self._large = LargeValues(opened.objects) if opened.objects is not None else None
        # A run may take as long as a step, and its files are wanted after its end.
        spool = SceneSpool(settings.scene_folder, settings.scene_folder_limit_bytes)
        file_ttl_s = settings.retention_s + LIMIT_DEADLINE_S
        self._parts = TaskParts.open(self._store, stages, spool, file_ttl_s)
        self.runs = WorkflowRuns(redis, settings.workflow_limits(), self._large)
        ends = RunEnds(redis)
        changes = UnitChanges(self.runs, tasks, self._parts)
        self.runner = UnitRunner(
            self.runs, going_on, changes, ends, send, settings, telemetry.tracer, step_metrics
        )
        self.sweep = WorkflowSweep(self.runs, send, step_metrics, backlog_metrics)
        self._listening = asyncio.create_task(ends.listen(), name="run ends")

    async def close(self) -> None:
        """Ends threads and connections of its own; no unit must be running any more."""
        self._listening.cancel()
        await asyncio.wait({self._listening})
        await self._parts.close()
        if self._large is not None:
            await self._large.close()
        self._store.close()
