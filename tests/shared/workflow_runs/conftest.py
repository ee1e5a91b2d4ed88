from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from shared.run_records.state_redis import open_state_redis
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import RunLimits
from tests.servers import redis_server

FAST = RunLimits(lease_s=0.2, spare_claims=2, max_rewinds=2, resend_after_s=0.15, max_resend_s=0.6)


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
def runs(redis: Redis) -> WorkflowRuns:
    return WorkflowRuns(redis, FAST)
