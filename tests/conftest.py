from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from shared.run_records.state_redis import open_state_redis
from tests.servers import redis_server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-extra",
        action="store_true",
        help="install every extra, not the light ones alone: `make extras`",
    )


@pytest.fixture(scope="session")
def state_url() -> Iterator[str]:
    """A Redis as the suite keeps its state in."""
    with redis_server(appendonly=True) as url:
        yield url


@pytest.fixture
async def redis(state_url: str) -> AsyncIterator[Redis]:
    """A client of it; it holds nothing."""
    client = open_state_redis(state_url)
    await client.flushall()
    yield client
    await client.aclose()
