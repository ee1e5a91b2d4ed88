"""Finds workflow runs nobody works on: lost messages, dead workers, runs that are late."""

from __future__ import annotations

import logging

from services.orchestrator.due_runs import Sweep
from services.orchestrator.workflows.unit_runner import SendUnits
from shared.errors import DeadlineExceeded
from shared.interpretation.events import Fault
from shared.workflow_runs.runs import WorkflowRuns

_log = logging.getLogger(__name__)


class WorkflowSweep(Sweep[WorkflowRuns, SendUnits]):
    """Does for due runs what their records ask for."""

    async def sweep(self, run_id: str) -> None:
        """Does for one due run what its record asks for."""
        swept = await self._records.sweep(run_id)
        if swept.action == "send":
            for unit in swept.ready:
                _log.info("sending a unit again", extra={"run_id": run_id, "unit": unit.unit})
                self._backlog_metrics.resent("workflow")
            await self._send(swept.ready)
        elif swept.action == "late":
            fault = Fault.of(DeadlineExceeded("the run did not end in time"))
            ready = await self._records.finish(run_id, "failed", fault=fault)
            if ready is not None:
                self._step_metrics.run_ended("failed", dead=False)
                await self._send(ready)
