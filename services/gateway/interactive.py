"""Answering while the caller waits: the gateway calls the stages itself."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from shared.errors import SuiteError
from shared.interpretation.answering import tell
from shared.interpretation.events import Ended, Event, Fault
from shared.interpretation.plan import Plan
from shared.stage_clients import StageClients


async def answer_now(stages: StageClients, plan: Plan) -> AsyncGenerator[Event, None]:
    """What the caller is told; begins with `ImageSeen`, ends with the one `Ended`.

    Raises:
        SuiteError: Nothing was told yet, and nothing will be: the request is refused as a whole.
    """
    started_s = time.monotonic()
    begun = False
    async with aclosing(tell(stages, plan)) as telling:
        try:
            async for event in telling:
                begun = True
                if isinstance(event, Ended):
                    event = replace(event, duration_s=time.monotonic() - started_s)
                yield event
        except SuiteError as error:
            if not begun:
                raise
            duration_s = time.monotonic() - started_s
            yield Ended("failed", duration_s=duration_s, fault=Fault.of(error))
