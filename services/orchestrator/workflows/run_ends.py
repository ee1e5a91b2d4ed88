"""Hears of runs that ended, so that nobody works on for them.

Who misses it (a lost connection) learns of it when the lease of its unit is renewed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "workflow:ended"
LISTEN_S = 1.0
RECONNECT_PAUSE_S = 1.0
_log = logging.getLogger(__name__)


class RunEnds:
    """One listener, for all units that run in this process."""

    def __init__(self, redis: Redis) -> None:
        """Uses `redis`, the state Redis, once `listen` runs."""
        self._redis = redis
        self._hearers: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)

    async def listen(self) -> None:
        """Listens for ever; cancel it to stop."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(CHANNEL)
                    while True:
                        message = await heard.get_message(timeout=LISTEN_S)
                        if message is not None:
                            self._tell(message["data"].decode())
            except (RedisError, OSError) as error:
                _log.warning("does not hear of runs that end: %s", error)
                await asyncio.sleep(RECONNECT_PAUSE_S)

    @contextmanager
    def of(self, run_id: str) -> Iterator[asyncio.Future[None]]:
        """What is done once the run has ended, for the time of the block."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hearers[run_id].add(over)
        try:
            yield over
        finally:
            self._hearers[run_id].discard(over)
            if not self._hearers[run_id]:
                del self._hearers[run_id]

    def _tell(self, run_id: str) -> None:
        for over in self._hearers.get(run_id, ()):
            if not over.done():
                over.set_result(None)
