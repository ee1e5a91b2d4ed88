"""How much waits: messages in the queues, runs not ended."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from shared.messages.celery_app import KEY_PREFIX, QUEUES, kind_of
from shared.run_records.records import DUE
from shared.run_records.state_redis import asked
from shared.workflow_runs.scripted import DUE as WORKFLOWS_DUE


class Backlog:
    """Reads lengths only."""

    def __init__(self, redis: Redis) -> None:
        """Uses `redis`, the state Redis."""
        self._redis = redis

    async def queued(self) -> dict[str, int]:
        """Messages nobody has taken yet, by what their queue is for."""
        pipeline = self._redis.pipeline(transaction=False)
        for queue in QUEUES:
            pipeline.llen(KEY_PREFIX + queue)
        return dict(zip(map(kind_of, QUEUES), await asked(pipeline.execute()), strict=True))

    async def waits(self, queues: Sequence[str]) -> bool:
        """Whether there is a message in any of these queues."""
        if not queues:
            return False
        # A list without an element does not exist.
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.exists(*(KEY_PREFIX + queue for queue in queues))
        return any(await asked(pipeline.execute()))

    async def running(self) -> int:
        """Runs not ended, of interpretations and of workflows."""
        pipeline = self._redis.pipeline(transaction=False)
        for due in (DUE, WORKFLOWS_DUE):
            pipeline.zcard(due)
        return sum(await asked(pipeline.execute()))
