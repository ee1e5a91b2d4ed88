"""Finds interpretations nobody works on and sets them going again, or ends them.

Recovery does not lean on the broker: a message that was lost, or a worker that died, shows in the
record. Any number of sweepers may run: a run is dealt with in one atomic script, and what two of
them send twice has one effect.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from services.orchestrator.due_runs import Sweep
from services.orchestrator.engine import Send
from services.orchestrator.step_metrics import BacklogMetrics
from shared.errors import Cancelled, DeadlineExceeded, StageUnavailable
from shared.interpretation.events import Ended, Fault
from shared.messages.celery_app import StepCommand
from shared.run_records.backlog import Backlog
from shared.run_records.records import RunRecords

BACKLOG_INTERVAL_S = 2.0
_log = logging.getLogger(__name__)


class Sweeper:
    """Looks for due runs of every kind each `interval_s`, and measures the backlog."""

    def __init__(
        self,
        looks: Sequence[Callable[[], Awaitable[None]]],
        backlog: Backlog,
        interval_s: float,
        metrics: BacklogMetrics,
    ) -> None:
        """Takes what it works with; nothing runs before `run`."""
        self._looks = looks
        self._backlog = backlog
        self._interval_s = interval_s
        self._metrics = metrics
        self._measured_at = 0.0

    async def run(self) -> None:
        """Sweeps for ever; cancel it to stop."""
        while True:
            try:
                for look in self._looks:
                    await look()
                await self._measure()
            except StageUnavailable as error:
                _log.warning("the sweeper waits: %s", error)
            await asyncio.sleep(self._interval_s)

    async def _measure(self) -> None:
        if time.monotonic() - self._measured_at < BACKLOG_INTERVAL_S:
            return
        self._measured_at = time.monotonic()
        self._metrics.set(await self._backlog.queued(), await self._backlog.running())


class InterpretationSweep(Sweep[RunRecords, Send]):
    """Does for due interpretations what their records ask for."""

    async def sweep(self, run_id: str) -> None:
        """Does for one due run what its record asks for."""
        swept = await self._records.sweep(run_id)
        if swept.action == "send":
            for step in swept.steps:
                _log.info("sending a step again", extra={"run_id": run_id, "step": step})
                self._backlog_metrics.resent(step)
                await self._send(StepCommand(run_id, step, attempt=0), swept.trace)
        elif swept.action == "late":
            error = DeadlineExceeded("the run did not end in time")
            await self._end(run_id, swept.tenant, Ended("failed", fault=Fault.of(error)))
        elif swept.action == "cancelled":
            called_off = Cancelled("the run was called off")
            await self._end(run_id, swept.tenant, Ended("cancelled", fault=Fault.of(called_off)))

    async def _end(self, run_id: str, tenant: str, ended: Ended) -> None:
        if await self._records.finish(run_id, tenant, ended):
            self._step_metrics.run_ended(ended.state, dead=False)
