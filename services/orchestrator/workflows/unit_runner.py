"""One unit of a workflow from message to effect.

    claim -> items, outputs or the end, renewing the lease -> the change of the record
          -> or a retry, steps before it again, the run given up

What may run then goes into its queue, but for one that may go on here (`going_on`): none less
urgent than the one before it, whose slot may be kept for urgent ones.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.orchestrator.going_on import GoingOn
from services.orchestrator.held_work import retry_pause_s, until_stored, while_held
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.step_metrics import StepMetrics
from services.orchestrator.workflows.companies import Companies
from services.orchestrator.workflows.run_ends import RunEnds
from services.orchestrator.workflows.unit_changes import Change, UnitChanges
from shared import rpc_context
from shared.errors import (
    DeadlineExceeded,
    Internal,
    QueueFull,
    QuotaExceeded,
    StageUnavailable,
    SuiteError,
)
from shared.interpretation.events import Fault
from shared.messages.celery_app import TRACE_HEADER, UnitCommand, unit_queue_of
from shared.rpc_context import PRIORITIES, Priority
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.unit_work import OutputsGone
from shared.workflow_runs.views import END, ReadyUnit, Refused, UnitClaim

# A stage that is away or full is no failure of the unit: its retries are for those.
_OF_THE_SUITE = (StageUnavailable, QueueFull, QuotaExceeded)
_log = logging.getLogger(__name__)

SendUnits = Callable[[Sequence[ReadyUnit]], Awaitable[None]]
# What may run now, and a word for how it went.
Outcome = tuple[tuple[ReadyUnit, ...], str]


@dataclass(frozen=True, slots=True)
class _Ran:
    """A unit that was run: how urgent it was, and what may run now."""

    priority: Priority
    ready: tuple[ReadyUnit, ...]


class UnitRunner:
    """Runs units by command; many at once on one event loop."""

    def __init__(
        self,
        runs: WorkflowRuns,
        going_on: GoingOn,
        changes: UnitChanges,
        ends: RunEnds,
        send: SendUnits,
        settings: OrchestratorSettings,
        tracer: Tracer,
        metrics: StepMetrics,
    ) -> None:
        """Takes what it works with.

        Args:
            runs: The records.
            going_on: Says whether a unit may take the place of the one before it.
            changes: Does a unit's work.
            ends: Says when the run of a unit has ended.
            send: Puts units into their queues; failing is no harm.
            settings: Pauses between attempts.
            tracer: For spans.
            metrics: For counts.
        """
        self._runs = runs
        self._going_on = going_on
        self._changes = changes
        self._ends = ends
        self._send = send
        self._settings = settings
        self._tracer = tracer
        self._metrics = metrics
        self._companies = Companies()

    async def run(self, command: UnitCommand, traceparent: str) -> None:
        """Runs the unit if it is there to be run, and some of those after it.

        Raises:
            StageUnavailable: The state store is away; the sweeper will have the unit sent again.
        """
        begun_s = time.monotonic()
        ran = await self._run_unit(command.run_id, command.unit, traceparent)
        while ran and ran.ready:
            here = await self._next_here(ran, command.run_id, time.monotonic() - begun_s)
            await self._send([each for each in ran.ready if each is not here])
            if here is None:
                return
            ran = await self._run_unit(here.run_id, here.unit, traceparent)

    async def _next_here(self, ran: _Ran, run_id: str, held_s: float) -> ReadyUnit | None:
        """The unit that takes the place of the one before it, if there is one that may."""
        as_urgent = PRIORITIES[: PRIORITIES.index(ran.priority) + 1]
        queues = {
            unit_queue_of(unit.stage, unit.priority): unit
            for unit in reversed(ran.ready)
            if unit.run_id == run_id and unit.priority in as_urgent
        }
        for queue, unit in queues.items():
            if await self._going_on.may(queue, held_s):
                return unit
        return None

    async def _run_unit(self, run_id: str, unit: str, traceparent: str) -> _Ran | None:
        claim = await self._runs.claim(run_id, unit, owner=uuid.uuid4().hex)
        if isinstance(claim, Refused):
            self._metrics.ended("workflow", claim.reason, 0.0)
            return None
        kind = f"workflow.{claim.task or 'end'}"
        parent = TraceContextTextMapPropagator().extract({TRACE_HEADER: traceparent})
        started = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"unit {claim.step}", context=parent, kind=SpanKind.CONSUMER
        ) as span:
            span.set_attribute("earthgptx.run_id", run_id)
            span.set_attribute("earthgptx.unit", unit)
            span.set_attribute("earthgptx.attempt", claim.attempt)
            try:
                ready, outcome = await self._attempt(claim)
            except asyncio.CancelledError:
                # This process shuts down: somebody else may go on at once.
                await self._runs.release(claim, retry_in_s=0)
                raise
            span.set_attribute("earthgptx.outcome", outcome)
            if outcome in ("failed", "retried"):
                span.set_status(trace.StatusCode.ERROR, outcome)
        self._metrics.ended(kind, outcome, time.perf_counter() - started)
        return _Ran(claim.priority, ready)

    async def _attempt(self, claim: UnitClaim) -> Outcome:
        if claim.exhausted:
            last = claim.error or "the worker that ran it went away"
            tried = f"{claim.unit} failed {claim.attempt - 1} times; last: {last}"
            return await self._give_up(claim, StageUnavailable(tried))
        try:
            with self._ends.of(claim.run_id) as over:
                change = await while_held(
                    self._work(claim), lambda: self._runs.renew(claim), claim.run_id, over
                )
            if change is None:
                return (), "called off"
            ready = await until_stored(change)
        except SuiteError as error:
            return await self._failed(claim, error)
        if ready is None:
            return (), "fenced off"
        if claim.step == END:
            self._metrics.run_ended("succeeded", dead=False)
        return ready, "committed"

    async def _work(self, claim: UnitClaim) -> Change:
        with self._companies.joined(claim) as company:
            rpc_context.set_call(
                time.monotonic() + claim.remaining_s, claim.tenant, claim.priority, company
            )
            try:
                async with asyncio.timeout(claim.remaining_s):
                    return await self._changes.of(claim)
            except TimeoutError:
                raise DeadlineExceeded(f"{claim.unit} was not done in its time") from None

    async def _failed(self, claim: UnitClaim, error: SuiteError) -> Outcome:
        _log.warning("unit %s failed: %s", claim.unit, error, extra={"run_id": claim.run_id})
        if isinstance(error, OutputsGone):
            gone, reason = error.units, error.message
            ready = await until_stored(lambda: self._runs.rewind(claim, gone, reason))
            if ready is not None:
                return ready, "rewound"
        pause_s = self._retry_in_s(claim, error)
        if pause_s is None:
            return await self._give_up(claim, error)
        fault, counted = _fault(claim, error), not isinstance(error, _OF_THE_SUITE)
        await until_stored(
            lambda: self._runs.retry(claim, fault, retry_in_s=pause_s, counted=counted)
        )
        return (), "retried"

    def _retry_in_s(self, claim: UnitClaim, error: SuiteError) -> float | None:
        """How long to wait before the next attempt; None if there is to be none."""
        used_up = claim.failures >= claim.retries and not isinstance(error, _OF_THE_SUITE)
        if not error.retryable or used_up:
            return None
        pause_s = retry_pause_s(self._settings, claim.attempt, error)
        return pause_s if pause_s < claim.remaining_s else None

    async def _give_up(self, claim: UnitClaim, error: SuiteError) -> Outcome:
        # What the caller can mend is no dead letter.
        dead = error.retryable or isinstance(error, Internal | DeadlineExceeded | OutputsGone)
        ready = await until_stored(
            lambda: self._runs.finish(
                claim.run_id, "failed", fault=_fault(claim, error), claim=claim, dead=dead
            )
        )
        if ready is None:
            return (), "fenced off"
        self._metrics.run_ended("failed", dead)
        return ready, "failed"


def _fault(claim: UnitClaim, error: SuiteError) -> Fault:
    """The fault of a unit; what is a field to a stage lies inside the step for the caller."""
    fault = Fault.of(error)
    if not fault.field or fault.field.startswith("steps."):
        return fault
    return replace(fault, field=f"steps.{claim.step}.{fault.field}")
