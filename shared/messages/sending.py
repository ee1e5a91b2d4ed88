"""Messages whose loss does no harm: what is not sent now, the sweeper sends.

So who sends does not fail with the broker: it says so in the log and goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from celery import Celery

from shared.errors import StageUnavailable
from shared.messages.celery_app import StepCommand, send_step, send_units
from shared.workflow_runs.views import ReadyUnit

_log = logging.getLogger(__name__)


async def try_to_send_step(app: Celery, command: StepCommand, traceparent: str) -> None:
    """Puts the command for a step into its queue, off the event loop."""
    try:
        await asyncio.to_thread(send_step, app, command, traceparent)
    except StageUnavailable as error:
        _log.warning("a message waits for the sweeper: %s", error)


async def try_to_send_units(app: Celery, ready: Sequence[ReadyUnit]) -> None:
    """Puts a command for each unit into its queue, off the event loop."""
    if not ready:
        return
    try:
        await asyncio.to_thread(send_units, app, ready)
    except StageUnavailable as error:
        _log.warning("%d messages wait for the sweeper: %s", len(ready), error)
