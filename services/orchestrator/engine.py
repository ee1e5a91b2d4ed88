"""One step from message to effect.

    claim -> run, renewing the lease -> commit | release for a retry | rewind | end the run

A step that a commit makes ready goes on here where it may (`going_on`), else into its queue.
How work is done under a lease is in `held_work`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.orchestrator.going_on import GoingOn
from services.orchestrator.held_work import retry_pause_s, until_stored, while_held
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.step_metrics import StepMetrics
from services.orchestrator.step_work import WORK, Done, producers, success
from shared import rpc_context
from shared.errors import DeadlineExceeded, Internal, StageUnavailable, SuiteError, TensorGone
from shared.interpretation.events import Ended, Fault
from shared.interpretation.plan import Step
from shared.messages.celery_app import TRACE_HEADER, StepCommand, queue_of
from shared.run_records.records import Claim, Refused, RunRecords
from shared.stage_clients import StageClients

_log = logging.getLogger(__name__)

Send = Callable[[StepCommand, str], Awaitable[None]]


class StepRunner:
    """Runs steps by command; many at once on one event loop."""

    def __init__(
        self,
        records: RunRecords,
        stages: StageClients,
        send: Send,
        going_on: GoingOn,
        settings: OrchestratorSettings,
        tracer: Tracer,
        metrics: StepMetrics,
    ) -> None:
        """Takes what it works with.

        Args:
            records: The run records.
            stages: The stages.
            send: Puts the command for a further step into its queue; failing is no harm.
            going_on: Says whether a step may take the place of the one before it.
            settings: Leases, attempts, pauses.
            tracer: For spans.
            metrics: For counts.
        """
        self._records = records
        self._stages = stages
        self._send = send
        self._going_on = going_on
        self._settings = settings
        self._tracer = tracer
        self._metrics = metrics

    async def run(self, command: StepCommand, traceparent: str) -> None:
        """Runs the step if it is there to be run, and some of those after it.

        Raises:
            StageUnavailable: The state store is away; the sweeper will have the step sent again.
        """
        begun_s = time.monotonic()
        here: StepCommand | None = command
        while here:
            freed = await self._run_step(here, traceparent)
            held_s = time.monotonic() - begun_s
            here = await self._next_here(command.run_id, freed, traceparent, held_s)

    async def _next_here(
        self, run_id: str, freed: Sequence[Step], traceparent: str, held_s: float
    ) -> StepCommand | None:
        """Sends what may run now, but for the one that takes the place of the one before it."""
        here: StepCommand | None = None
        for step in freed:
            command = StepCommand(run_id, step, attempt=1)
            # The end needs no stage, so it is never worth the way through the broker.
            if here is None and (
                step == "finish" or await self._going_on.may(queue_of(step), held_s)
            ):
                here = command
            else:
                await self._send(command, traceparent)
        return here

    async def _run_step(self, command: StepCommand, traceparent: str) -> tuple[Step, ...]:
        """Runs the step; its outcome is in the record. Gives what may run now."""
        step: Step = command.step
        claim = await self._records.claim(command.run_id, step, owner=uuid.uuid4().hex)
        if isinstance(claim, Refused):
            self._metrics.ended(step, claim.reason, 0.0)
            if claim.reason == "exhausted":
                await self._give_up(command, claim.error)
            return ()
        parent = TraceContextTextMapPropagator().extract({TRACE_HEADER: traceparent})
        started = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"step {step}", context=parent, kind=SpanKind.CONSUMER
        ) as span:
            span.set_attribute("earthgptx.run_id", claim.run_id)
            span.set_attribute("earthgptx.attempt", claim.attempt)
            try:
                freed, outcome = await self._attempt(claim)
            except asyncio.CancelledError:
                # This process shuts down: somebody else may go on at once.
                await self._records.release(claim, retry_in_s=0, error="its worker shut down")
                raise
            span.set_attribute("earthgptx.outcome", outcome)
            if outcome in ("failed", "retried"):
                span.set_status(trace.StatusCode.ERROR, outcome)
        self._metrics.ended(step, outcome, time.perf_counter() - started)
        return freed

    async def _attempt(self, claim: Claim) -> tuple[tuple[Step, ...], str]:
        if claim.step == "finish":
            ended = await self._end(claim.run_id, claim.plan.tenant, success(claim))
            return (), "finished" if ended else "over"
        try:
            done = await while_held(
                self._work(claim), lambda: self._records.renew(claim), claim.run_id
            )
        except SuiteError as error:
            return (), await self._failed(claim, error)
        if done is None:
            return (), "called off"
        freed = await until_stored(lambda: self._records.commit(claim, done.result, done.events))
        if freed is None:
            return (), "fenced off"
        return freed, "committed"

    async def _work(self, claim: Claim) -> Done:
        timeout_s = min(claim.remaining_s, self._settings.step_timeout_s)
        rpc_context.set_call(time.monotonic() + timeout_s, claim.plan.tenant)
        try:
            async with asyncio.timeout(timeout_s):
                return await WORK[claim.step](self._stages, claim)
        except TimeoutError:
            raise DeadlineExceeded("the step took too long") from None

    async def _failed(self, claim: Claim, error: SuiteError) -> str:
        _log.warning("step %s failed: %s", claim.step, error, extra={"run_id": claim.run_id})
        if isinstance(error, TensorGone):
            again = producers(claim)
            rewound = await until_stored(lambda: self._records.rewind(claim, again, error.message))
            if rewound:
                return "rewound"
        elif self._may_retry(claim, error):
            pause_s = retry_pause_s(self._settings, claim.attempt, error)
            reason = f"{error.code}: {error.message}"
            await until_stored(
                lambda: self._records.release(claim, retry_in_s=pause_s, error=reason)
            )
            return "retried"
        # What the caller can mend is no dead letter.
        given_up = error.retryable or isinstance(error, Internal)
        dead = f"{error.code}: {error.message}" if given_up else ""
        ended = Ended("failed", duration_s=claim.age_s, fault=Fault.of(error))
        await self._end(claim.run_id, claim.plan.tenant, ended, dead, claim.step)
        return "failed"

    def _may_retry(self, claim: Claim, error: SuiteError) -> bool:
        # A step that ran into its own bound may do better; one that used up the run's time may not.
        hung = isinstance(error, DeadlineExceeded) and (
            claim.remaining_s > self._settings.step_timeout_s
        )
        return (error.retryable or hung) and claim.attempt < self._settings.max_attempts

    async def _give_up(self, command: StepCommand, last_error: str) -> None:
        """Ends a run one of whose steps has been claimed too often, say by dying workers."""
        record = await self._records.read(command.run_id)
        reason = last_error or "the worker that ran it went away"
        attempts = self._settings.max_attempts
        message = f"step {command.step} failed {attempts} times; last: {reason}"
        fault = Fault(StageUnavailable.code, message, retryable=True)
        ended = Ended("failed", fault=fault)
        await self._end(command.run_id, record.get("tenant", ""), ended, message, command.step)

    async def _end(
        self, run_id: str, tenant: str, ended: Ended, dead: str = "", dead_step: str = ""
    ) -> bool:
        won = await until_stored(
            lambda: self._records.finish(
                run_id, tenant, ended, dead_reason=dead, dead_step=dead_step
            )
        )
        if won:
            self._metrics.run_ended(ended.state, bool(dead))
        return won
