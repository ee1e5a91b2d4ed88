from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from shared.tensors.shared_memory import SharedMemoryTier
from shared.tensors.store import TensorStore
from tests.servers import S3Endpoint, given_s3, redis_server, swift_s3
from tests.shared.tensors.places import (
    MIB,
    Clock,
    Place,
    directory_place,
    inline_place,
    memory_directory,
    memory_place,
    object_place,
    redis_place,
    s3_objects,
    store_of,
)


@pytest.fixture(scope="session")
def tensor_redis() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Endpoint]:
    with swift_s3() as endpoint:
        yield endpoint


@pytest.fixture
def redis_client(tensor_redis: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(tensor_redis) as client:
        client.flushdb()
        yield client


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    with memory_directory() as folder:
        yield folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tier(memory_folder: Path, clock: Clock) -> Iterator[SharedMemoryTier]:
    tier = SharedMemoryTier(memory_folder, 8 * MIB, clock)
    yield tier
    tier.close()


@pytest.fixture
def store(tier: SharedMemoryTier, clock: Clock) -> TensorStore:
    return store_of(tier, clock=clock)


TIERS = [
    *("inline", "shared_memory", "redis", "directory", "directory-durable", "s3", "s3-durable"),
    *("given-s3", "given-s3-durable"),
]


def open_place(name: str, request: pytest.FixtureRequest, stack: ExitStack) -> Place:
    if name == "inline":
        return stack.enter_context(inline_place())
    if name == "shared_memory":
        return stack.enter_context(memory_place())
    if name == "redis":
        return stack.enter_context(redis_place(request.getfixturevalue("tensor_redis")))
    durable = name.endswith("-durable")
    if name.startswith("directory"):
        return directory_place(request.getfixturevalue("tmp_path"), durable)
    objects = s3_objects(_given() if name.startswith("given") else request.getfixturevalue("s3"))
    for left in list(objects.names()):
        objects.delete(left)
    return object_place("s3", objects, Clock(), durable)


def _given() -> S3Endpoint:
    endpoint = given_s3()
    if endpoint is None:
        pytest.skip("TEST_S3_URL names no S3 server (docs/deploy.md)")
    return endpoint


@pytest.fixture(params=TIERS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A store over each tier in turn, all of them real."""
    with ExitStack() as stack:
        yield open_place(request.param, request, stack)


@pytest.fixture(params=[name for name in TIERS if name != "inline"])
def kept_place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """The tiers that keep the bytes somewhere."""
    with ExitStack() as stack:
        yield open_place(request.param, request, stack)
