"""Stores over one real tier each, a clock that can be moved, and tiers that count or fail."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import redis

from shared.security import Signer
from shared.settings import Secret
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.host_tensor import HostTensor
from shared.tensors.images import Images
from shared.tensors.index import RedisIndex
from shared.tensors.inline_tier import InlineTier
from shared.tensors.object_tier import ObjectTier
from shared.tensors.objects import Objects
from shared.tensors.redis_tier import RedisTier
from shared.tensors.ref import SIGNING_PURPOSE, TensorRef
from shared.tensors.s3_objects import S3Objects, connect_s3
from shared.tensors.shared_memory import SharedMemoryTier
from shared.tensors.store import TensorStore
from shared.tensors.tier import Placed, Tier, TierUnable
from tests.servers import S3Endpoint

SUITE_KEY = Secret("a key for tests, long enough to pass")
SIGNER = Signer(SUITE_KEY, SIGNING_PURPOSE)
MIB = 1024 * 1024


class Clock:
    """Real time, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class Place:
    """A store that has one tier, and ways to spoil what lies there."""

    name: str
    store: TensorStore
    clock: Clock
    remove: Callable[[TensorRef], None]
    truncate: Callable[[TensorRef], None]
    count: Callable[[], int]
    durable: bool = False

    def put(self, tensor: HostTensor, tenant: str = "alpha", ttl_s: float = 60.0) -> TensorRef:
        return self.store.put(tensor, tenant=tenant, ttl_s=ttl_s, durable=self.durable)


def floats(size_bytes: int, seed: int = 0) -> HostTensor:
    values = np.random.default_rng(seed).standard_normal(size_bytes // 4).astype(np.float32)
    return HostTensor.from_numpy(values)


def store_of(*tiers: Tier, clock: Callable[[], float] = time.time) -> TensorStore:
    return TensorStore(tiers, SIGNER, clock=clock)


@contextmanager
def memory_directory() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="earthgptx-test-", dir="/dev/shm"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def inline_place() -> Iterator[Place]:
    clock = Clock()
    no_op = lambda ref: None  # noqa: E731  a ref that travels whole cannot lose its bytes
    yield Place("inline", store_of(InlineTier(), clock=clock), clock, no_op, no_op, lambda: 1)


@contextmanager
def memory_place() -> Iterator[Place]:
    clock = Clock()
    with memory_directory() as folder:
        tier = SharedMemoryTier(folder, 256 * MIB, clock)

        def path(ref: TensorRef) -> Path:
            return folder / ref.key.partition("/")[0]

        def truncate(ref: TensorRef) -> None:
            with path(ref).open("r+b") as file:
                file.truncate(5000)

        yield Place(
            "shared_memory",
            store_of(tier, clock=clock),
            clock,
            lambda ref: path(ref).unlink(),
            truncate,
            lambda: len(list(folder.glob("*.slab"))),
        )
        tier.close()


@contextmanager
def redis_place(url: str) -> Iterator[Place]:
    clock = Clock()
    with redis.Redis.from_url(url) as client:
        client.flushdb()

        def first_chunk(ref: TensorRef) -> str:
            return f"egx:tensor:{ref.tenant}:{ref.key}:1"

        def truncate(ref: TensorRef) -> None:
            kept = client.get(first_chunk(ref))
            assert isinstance(kept, bytes)
            client.set(first_chunk(ref), kept[:-5], keepttl=True)

        yield Place(
            "redis",
            store_of(RedisTier(client), clock=clock),
            clock,
            lambda ref: client.delete(first_chunk(ref)),
            truncate,
            lambda: len(list(client.scan_iter("egx:tensor:*:0"))),
        )


def object_place(name: str, objects: Objects, clock: Clock, durable: bool) -> Place:
    def path(ref: TensorRef) -> str:
        return f"v1/{ref.tenant}/{ref.key}"

    def truncate(ref: TensorRef) -> None:
        found = objects.stat(path(ref))
        assert found is not None
        kept = objects.read(path(ref), found.size_bytes)[:-5]
        objects.write(path(ref), [kept], found.expires_at_ms)

    tier = ObjectTier(objects, clock)
    return Place(
        name,
        TensorStore([tier], SIGNER, images=Images(objects, clock), clock=clock),
        clock,
        lambda ref: _delete(objects, path(ref)),
        truncate,
        lambda: len(list(objects.names())),
        durable,
    )


def s3_objects(endpoint: S3Endpoint) -> S3Objects:
    return connect_s3(endpoint.url, endpoint.access_key, Secret(endpoint.secret_key))


def directory_place(folder: Path, durable: bool = False) -> Place:
    clock = Clock()
    objects = DirectoryObjects(folder, clock=clock)
    return object_place("directory", objects, clock, durable)


def image_store(objects: Objects, client: redis.Redis, clock: Callable[[], float]) -> TensorStore:
    return TensorStore(
        [ObjectTier(objects, clock)],
        SIGNER,
        images=Images(objects, clock),
        index=RedisIndex(client),
        clock=clock,
    )


def _delete(objects: Objects, name: str) -> None:
    objects.delete(name)


class CountingTier:
    """Counts what reaches the tier within."""

    def __init__(self, tier: Tier) -> None:
        self.name = tier.name
        self._tier = tier
        self.puts = 0
        self.gets = 0

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        self.puts += 1
        return self._tier.put(tensor, tenant=tenant, expires_at_ms=expires_at_ms, durable=durable)

    def get(self, ref: TensorRef) -> memoryview:
        self.gets += 1
        return self._tier.get(ref)


class FailOnceTier(CountingTier):
    """Cannot take the first tensor."""

    def __init__(self, tier: Tier, full: bool = False) -> None:
        super().__init__(tier)
        self._full = full

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        if self.puts == 0:
            self.puts += 1
            raise TierUnable("failed once, on purpose", full=self._full)
        return super().put(tensor, tenant=tenant, expires_at_ms=expires_at_ms, durable=durable)
