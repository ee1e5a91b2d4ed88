"""Answering through the orchestrator: the run survives the loss of any process, this one too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from celery import Celery
from redis.asyncio import Redis

from services.gateway.settings import GatewaySettings
from shared import rpc_context
from shared.errors import DeadlineExceeded, NotFound, StageUnavailable
from shared.interpretation.events import Ended, Event, Fault
from shared.interpretation.plan import Plan, steps_of
from shared.messages.celery_app import StepCommand, current_traceparent
from shared.messages.sending import try_to_send_step
from shared.run_records.event_tail import follow_events
from shared.run_records.records import RunRecords

# Time left to tell the caller that its own time is over.
FAREWELL_S = 0.25
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is recorded.

    Attributes:
        run_id: Its id.
        kept_for_joining: Whether the caller may come back to it: it has an idempotency key.
    """

    run_id: str
    kept_for_joining: bool


class DurableRuns:
    """Starts runs and follows them."""

    def __init__(
        self, redis: Redis, records: RunRecords, app: Celery, settings: GatewaySettings
    ) -> None:
        """Takes what it works with; who opened that closes it. Runs go on without it."""
        self._redis = redis
        self._records = records
        self._app = app
        self._timeout_s = settings.durable_timeout_s
        self._max_running = settings.max_durable_per_tenant

    async def start(self, plan: Plan, *, idempotency_key: str, digest: str) -> Run:
        """Records the run, or joins the one the same request made before.

        Raises:
            Conflict: The idempotency key belongs to another request.
            QuotaExceeded: The tenant has too many runs.
            StageUnavailable: The state store cannot be reached; nothing was accepted.
        """
        trace = current_traceparent()
        run_id, joined = await self._records.create(
            plan,
            idempotency_key=idempotency_key,
            digest=digest,
            timeout_s=self._timeout_s,
            max_running=self._max_running,
            trace=trace,
        )
        if not joined:
            first = [step for step, needs in steps_of(plan).items() if not needs]
            commands = [StepCommand(run_id, step, 1) for step in first]
            await asyncio.gather(*(try_to_send_step(self._app, c, trace) for c in commands))
        return Run(run_id, bool(idempotency_key))

    async def follow(self, run: Run) -> AsyncGenerator[Event, None]:
        """All events of the run, to its end or that of the caller's time.

        A caller that leaves takes the run with it, unless it can come back by its key.
        """
        remaining_s = rpc_context.remaining_s()
        patience_s = None if remaining_s is None else max(0.0, remaining_s - FAREWELL_S)
        ended = False
        try:
            async with asyncio.timeout(patience_s):
                async for event in follow_events(self._redis, run.run_id):
                    ended = isinstance(event, Ended)
                    yield event
        except TimeoutError:
            goes_on = "; the run goes on, ask again by its key" if run.kept_for_joining else ""
            error = DeadlineExceeded(f"the caller's deadline passed{goes_on}")
            yield Ended("failed", fault=Fault.of(error))
        except NotFound as error:
            yield Ended("failed", fault=Fault.of(error))
        finally:
            if not ended and not run.kept_for_joining:
                await asyncio.shield(self._call_off(run.run_id))

    async def _call_off(self, run_id: str) -> None:
        try:
            await self._records.request_cancel(run_id)
        except StageUnavailable:
            _log.warning("a run nobody waits for ends by its deadline", extra={"run_id": run_id})
