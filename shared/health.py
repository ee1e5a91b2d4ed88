"""Health that is true: SERVING only while the model answers.

Readiness: a probe asks the model a tiny real question through the stage's own queue, before the
first SERVING, whenever nothing has succeeded for a while, and after several internal errors in a
row (NOT_SERVING until a probe passes). Liveness: the service name "liveness" is SERVING as long as
the event loop answers at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from grpc_health.v1.health import aio as health_aio
from grpc_health.v1.health_pb2 import HealthCheckResponse

from shared.errors import Internal, QueueFull, StageUnavailable, SuiteError

LIVENESS = "liveness"
PROBE_INTERVAL_S = 5.0
PROBE_RETRY_S = 0.5
PROBE_TIMEOUT_S = 20.0
_log = logging.getLogger(__name__)


class Health:
    """Readiness and liveness of one process."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        services: tuple[str, ...],
        max_consecutive_failures: int,
    ) -> None:
        """Starts NOT_SERVING.

        Args:
            probe: Asks the model something real; raises if it cannot answer.
            services: Full names of the gRPC services, each with its own health entry.
            max_consecutive_failures: Internal errors in a row that mean NOT_SERVING.
        """
        self.servicer = health_aio.HealthServicer()
        self._probe = probe
        self._names = ("", *services)
        self._max_failures = max_consecutive_failures
        self._failures = 0
        self._last_success = 0.0
        self._serving = False
        self._draining = False
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Sets the first states and probes once."""
        await self.servicer.set(LIVENESS, HealthCheckResponse.SERVING)
        await self._set(False)
        await self._probe_once()

    async def watch(self) -> None:
        """Probes for ever; cancel it to stop."""
        while True:
            pause_s = PROBE_INTERVAL_S if self._serving else PROBE_RETRY_S
            self._wake.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            if self._failures >= self._max_failures:
                await self._set(False)
            recently = time.monotonic() - self._last_success < PROBE_INTERVAL_S
            if not (self._serving and recently):
                await self._probe_once()

    def note(self, outcome: SuiteError | None) -> None:
        """Hears how a call ended; only internal errors speak against the model."""
        if outcome is None:
            self._failures = 0
            self._last_success = time.monotonic()
        elif isinstance(outcome, Internal):
            self._failures += 1
            if self._failures >= self._max_failures:
                self._wake.set()

    async def drain(self) -> None:
        """NOT_SERVING for good."""
        self._draining = True
        await self._set(False)

    async def _probe_once(self) -> None:
        probing = asyncio.ensure_future(self._probe())
        done, _ = await asyncio.wait([probing], timeout=PROBE_TIMEOUT_S)
        if not done:
            probing.cancel()
            _log.error("the model did not answer the probe in %.0f s", PROBE_TIMEOUT_S)
            await self._set(False)
            return
        error = probing.exception()
        if isinstance(error, QueueFull):
            return  # Busy is not broken: calls in the queue will tell.
        if error is not None:
            level = logging.WARNING if isinstance(error, StageUnavailable) else logging.ERROR
            _log.log(level, "the probe failed", exc_info=error)
        else:
            self._failures = 0
            self._last_success = time.monotonic()
        await self._set(error is None)

    async def _set(self, serving: bool) -> None:
        serving = serving and not self._draining
        if serving != self._serving:
            _log.info("now %s", "SERVING" if serving else "NOT_SERVING")
        self._serving = serving
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self.servicer.set(name, status)
