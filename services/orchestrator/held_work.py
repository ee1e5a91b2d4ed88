"""Working under a lease, for steps of interpretations and units of workflows alike.

Whatever happens to this process meanwhile, the record stays right: without a renewed lease the
sweeper hands the work to someone else, and a commit without the last fence changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from services.orchestrator.settings import OrchestratorSettings
from shared.errors import Internal, StageUnavailable, SuiteError

RENEW_S = 0.5
STORE_RETRY_S = 0.2
# Who commits keeps trying while the state store restarts.
STORE_PATIENCE_S = 60.0
_log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


async def while_held(
    work: Awaitable[ResultT],
    renew: Callable[[], Awaitable[str]],
    run_id: str,
    over: asyncio.Future[None] | None = None,
) -> ResultT | None:
    """The result of the work; None if the run ended, or the work was taken, in the meantime.

    Args:
        work: What is done.
        renew: Keeps the lease; "held" if it could.
        run_id: For the log.
        over: Is done once the run has ended, for who hears of it before the next renewal.

    Raises:
        SuiteError: It came to nothing.
    """
    doing = asyncio.ensure_future(_in_suite_errors(work, run_id))
    awaited: set[asyncio.Future[Any]] = {doing, over} if over else {doing}
    try:
        while True:
            await asyncio.wait(awaited, timeout=RENEW_S, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            if over and over.done():
                return None
            try:
                if await renew() != "held":
                    return None
            except StageUnavailable:
                # The work goes on: should the lease lapse, the fence keeps its effect single.
                _log.warning("could not renew a lease", extra={"run_id": run_id})
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})


async def until_stored(change: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Makes a change of the record, however long (within reason) the state store is away.

    Raises:
        StageUnavailable: It was away for too long.
    """
    until = time.monotonic() + STORE_PATIENCE_S
    while True:
        try:
            return await change()
        except StageUnavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(STORE_RETRY_S)


def retry_pause_s(settings: OrchestratorSettings, attempt: int, error: SuiteError) -> float:
    """How long to wait before attempt number `attempt` + 1."""
    if error.retry_after_s is not None:
        return min(error.retry_after_s, settings.retry_cap_s)
    doubled_s = settings.retry_base_s * 2.0 ** (attempt - 1)
    return min(doubled_s, settings.retry_cap_s) * random.uniform(0.8, 1.2)


async def _in_suite_errors(work: Awaitable[ResultT], run_id: str) -> ResultT:
    try:
        return await work
    except SuiteError:
        raise
    # One of the two places that catch everything: the boundary of a piece of work, as the server
    # interceptor is that of a call.
    except Exception:
        _log.exception("a step failed inside", extra={"run_id": run_id})
        raise Internal("internal error; the log of the orchestrator has the trace") from None
