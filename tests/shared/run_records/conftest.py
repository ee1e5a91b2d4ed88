from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from shared.run_records.records import RunLimits, RunRecords
from shared.run_records.state_redis import open_state_redis
from tests.servers import redis_server

FAST = RunLimits(lease_s=0.3, max_attempts=3, max_rewinds=2, resend_after_s=0.2, max_resend_s=0.8)


@pytest.fixture(scope="session")
def state_url() -> Iterator[str]:
    with redis_server(appendonly=True) as url:
        yield url


@pytest.fixture
async def redis(state_url: str) -> AsyncIterator[Redis]:
    client = open_state_redis(state_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def records(redis: Redis) -> RunRecords:
    return RunRecords(redis, FAST)
