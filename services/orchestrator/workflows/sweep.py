"""Finds workflow runs nobody works on: lost messages, dead workers, runs that are late."""

from __future__ import annotations

import logging

from services.orchestrator.step_metrics import BacklogMetrics, StepMetrics
from services.orchestrator.workflows.unit_runner import SendUnits
from shared.errors import DeadlineExceeded
from shared.interpretation.events import Fault
from shared.workflow_runs.runs import WorkflowRuns

RUNS_A_LOOK = 100
_log = logging.getLogger(__name__)


class WorkflowSweep:
    """Does for due runs what their records ask for."""

    def __init__(
        self,
        runs: WorkflowRuns,
        send: SendUnits,
        step_metrics: StepMetrics,
        backlog_metrics: BacklogMetrics,
    ) -> None:
        """Takes what it works with."""
        self._runs = runs
        self._send = send
        self._step_metrics = step_metrics
        self._backlog_metrics = backlog_metrics

    async def look(self) -> None:
        """Looks once at every run that is due.

        Raises:
            StageUnavailable: The state store is away.
        """
        for run_id in await self._runs.due(RUNS_A_LOOK):
            await self.sweep(run_id)

    async def sweep(self, run_id: str) -> None:
        """Looks at one run."""
        swept = await self._runs.sweep(run_id)
        if swept.action == "send":
            for unit in swept.ready:
                _log.info("sending a unit again", extra={"run_id": run_id, "unit": unit.unit})
                self._backlog_metrics.resent("workflow")
            await self._send(swept.ready)
        elif swept.action == "late":
            fault = Fault.of(DeadlineExceeded("the run did not end in time"))
            ready = await self._runs.finish(run_id, "failed", fault=fault)
            if ready is not None:
                self._step_metrics.run_ended("failed", dead=False)
                await self._send(ready)
