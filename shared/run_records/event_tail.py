"""Following a run's events as they come, from its beginning, across losses of the state store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import NotFound
from shared.interpretation.events import Ended, Event, event_from_json
from shared.run_records.stream_entries import entries_in

BLOCK_MS = 1000
RECONNECT_PAUSE_S = 0.2


async def follow_events(redis: Redis, run_id: str) -> AsyncIterator[Event]:
    """All events of the run, each once, until its end.

    While the state store is away it waits: the caller's deadline bounds it.

    Raises:
        NotFound: The run is gone (its retention passed) before its end was read.
    """
    stream, last = f"run:{run_id}:events", "0"
    while True:
        try:
            reply: Any = await redis.xread({stream: last}, block=BLOCK_MS)
            if not reply and not await redis.exists(f"run:{run_id}"):
                raise NotFound("the run's record is gone")
        except (RedisError, OSError):
            await asyncio.sleep(RECONNECT_PAUSE_S)
            continue
        for number, fields in entries_in(reply):
            last = number
            event = event_from_json(fields[b"event"])
            yield event
            if isinstance(event, Ended):
                return
