"""How much waits: messages in the queues, runs not ended."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import StageUnavailable
from shared.interpretation.plan import Step
from shared.messages.celery_app import KEY_PREFIX, STEPS, queue_of
from shared.run_records.records import DUE


class Backlog:
    """Reads lengths only."""

    def __init__(self, redis: Redis) -> None:
        """Uses `redis`, the state Redis."""
        self._redis = redis

    async def queued(self) -> dict[Step, int]:
        """Messages nobody has taken yet, by kind of step."""
        lengths = [self._redis.llen(KEY_PREFIX + queue_of(step)) for step in STEPS]
        return {step: await _asked(cast(Any, n)) for step, n in zip(STEPS, lengths, strict=True)}

    async def running(self) -> int:
        """Runs not ended."""
        return await _asked(cast(Any, self._redis.zcard(DUE)))


async def _asked(reply: Awaitable[Any]) -> int:
    try:
        return int(await reply)
    except (RedisError, OSError) as error:
        raise StageUnavailable("the state store cannot be reached") from error
