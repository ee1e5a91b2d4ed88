"""A tensor from process to process on one host: by reference in every tier, and inline over gRPC.

Producer (this process) and consumer (`hand_off_peer`) stand where two stages stand. Each round
hands over fresh content once by each path, in an order drawn anew, so that all paths see the same
disturbances; a ref is read right after it was made.

put + get   the producer copies and signs, the consumer maps and verifies
whole       from the first byte touched to the consumer's answer: put, the gRPC call that carries
            the ref, get; or the call that carries the bytes themselves, which ends when they lie in
            one piece at the consumer (they are not verified there)

A suite that has been in service for longer than its tensors live writes to used slabs, so that is
what is measured: to the producer's pool alone the clock runs ahead, and it takes a slab again
seconds after it was written, long before the ref expires. Of the rounds before the first slabs have
come round only the fresh slabs are told, for themselves.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import numpy as np
import numpy.typing as npt
from google.protobuf.wrappers_pb2 import Int64Value

from benchmarks.figures import Figure, Given, Target, at_least, at_most, latency, ratio
from benchmarks.hand_off_peer import LIMITS, SERVICE, TENANT
from benchmarks.processes import listening, module, tensor_redis
from protos.earthgptx.v1.tensor_pb2 import TensorRef as TensorRefMessage
from shared.client_interceptor import MAX_MESSAGE_BYTES
from shared.security import Signer
from shared.settings import PREFIX, ProcessSettings, read_settings
from shared.tensors.host_tensor import HostTensor
from shared.tensors.inline_tier import INLINE_LIMIT_BYTES
from shared.tensors.objects import Objects
from shared.tensors.open_store import open_parts
from shared.tensors.ref import INLINE, OBJECT_STORE, REDIS, SHARED_MEMORY, SIGNING_PURPOSE
from shared.tensors.shared_memory import SharedMemoryTier, directory_for
from shared.tensors.store import REDIS_LIMIT_BYTES, TensorStore
from shared.worker_pool import WorkerPool

ROUNDS = 100
KIB, MIB = 1024, 1024 * 1024
SIZES_BYTES = (64 * KIB, MIB, 4 * MIB, 16 * MIB)
# Longer than any stall of the machine between a put and its get.
TTL_S = 600.0
# When a slab is written again; a ref is read before the next put, so never too early.
REUSE_AFTER_S = 2.0
# Bytes in a message of the inline paths: as many as the limit lets by; what gRPC in Python likes.
FEWEST, SMALL = "inline gRPC, fewest messages", "inline gRPC, 1 MiB messages"
PART_BYTES = {FEWEST: MAX_MESSAGE_BYTES - 4 * KIB, SMALL: MIB}
FRESH = "shared memory, fresh slab"
WORDS_BY_TIER = {
    INLINE: "in the ref",
    SHARED_MEMORY: "shared memory",
    REDIS: "Redis",
    OBJECT_STORE: "directory",
}
TARGETS = {4 * MIB: at_most(1.5), 16 * MIB: at_most(5.0)}
GAIN_TARGETS = {4 * MIB: at_least(10), 16 * MIB: at_least(10)}


@dataclass
class Samples:
    """Durations of one path at one size, in seconds; put and get only where there are such."""

    put_s: list[float] = field(default_factory=list)
    get_s: list[float] = field(default_factory=list)
    whole_s: list[float] = field(default_factory=list)


SamplesByPath = defaultdict[tuple[int, str], Samples]


@dataclass(frozen=True)
class _Ends:
    """The producer's stores, one a tier, the objects they write, and the consumer's port."""

    stores: dict[str, TensorStore]
    objects: Objects
    port: int


def run(
    given: Given,
    *,
    sizes_bytes: tuple[int, ...] = SIZES_BYTES,
    reuse_after_s: float = REUSE_AFTER_S,
) -> list[Figure]:
    """Hands `sizes_bytes` over by every path in every round."""
    with _two_ends(given, reuse_after_s) as ends:
        samples = asyncio.run(_rounds(ends, given.rounds or ROUNDS, sizes_bytes, reuse_after_s))
    return [figure for size_bytes in sizes_bytes for figure in _figures(size_bytes, samples)]


@contextmanager
def _two_ends(given: Given, reuse_after_s: float) -> Iterator[_Ends]:
    with tensor_redis(given.scratch) as redis_url:
        shared = {
            "SUITE_KEY": secrets.token_hex(32),
            "TENSOR_REDIS_URL": redis_url,
            "OBJECT_STORE_URL": (given.scratch / "objects").as_uri(),
        }
        settings = read_settings(ProcessSettings, {PREFIX + k: v for k, v in shared.items()})
        parts = open_parts(settings)
        assert parts.objects is not None
        tiers = {tier.name: tier for tier in parts.tiers}
        if parts.memory is not None:
            memory = _ahead(settings, TTL_S - reuse_after_s)
            parts.closing.callback(memory.close)
            tiers[SHARED_MEMORY] = memory
        signer = Signer(settings.suite_key, SIGNING_PURPOSE)
        stores = {name: TensorStore([tier], signer) for name, tier in tiers.items()}
        try:
            log = given.scratch / "peer.log"
            with module("benchmarks.hand_off_peer", shared, log) as peer:
                yield _Ends(stores, parts.objects, listening(peer, log).port)
        finally:
            parts.closing.close()
            shutil.rmtree(directory_for(settings.suite_key), ignore_errors=True)


def _ahead(settings: ProcessSettings, seconds: float) -> SharedMemoryTier:
    """The tier, opened on the same slabs by someone whose clock is ahead."""
    directory, limit_bytes = directory_for(settings.suite_key), settings.shared_memory_limit_bytes
    return SharedMemoryTier(directory, limit_bytes, lambda: time.time() + seconds)


async def _rounds(
    ends: _Ends, rounds: int, sizes_bytes: tuple[int, ...], reuse_after_s: float
) -> SamplesByPath:
    generator = np.random.default_rng(0)
    contents = [generator.integers(256, size=size, dtype=np.uint8) for size in sizes_bytes]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{ends.port}", options=LIMITS) as channel:
        hand_over = _HandOver(ends.stores, channel)
        warm_at_s = time.monotonic() + 1.1 * reuse_after_s
        samples: SamplesByPath = defaultdict(Samples)
        done = 0
        while done < rounds:
            warming_up = time.monotonic() < warm_at_s
            for content in contents:
                for path in generator.permutation(_paths(content.nbytes, hand_over.tiers)):
                    told_as = FRESH if warming_up and path == SHARED_MEMORY else str(path)
                    await _once(hand_over, content, str(path), samples[content.nbytes, told_as])
            for name in list(ends.objects.names()):
                ends.objects.delete(name)
            if warming_up:
                for key in [key for key in samples if key[1] != FRESH]:
                    del samples[key]
            else:
                done += 1
        await hand_over.close()
    return samples


def _paths(size_bytes: int, tiers: tuple[str, ...]) -> list[str]:
    """Those that a tensor of this size takes."""
    limits_bytes = {INLINE: INLINE_LIMIT_BYTES, REDIS: REDIS_LIMIT_BYTES}
    paths = [tier for tier in tiers if size_bytes <= limits_bytes.get(tier, size_bytes)]
    return [*paths, FEWEST, *([SMALL] if size_bytes > MIB else [])]


async def _once(
    hand_over: _HandOver, content: npt.NDArray[np.uint8], path: str, samples: Samples
) -> None:
    # The same content is not written twice: these are new bytes to the store.
    content[:8].view(np.int64)[0] += 1
    tensor = HostTensor.from_numpy(content)
    if path in PART_BYTES:
        samples.whole_s.append(await hand_over.inline(tensor, PART_BYTES[path]))
        return
    put_s, get_s, whole_s = await hand_over.by_ref(path, tensor)
    samples.put_s.append(put_s)
    samples.get_s.append(get_s)
    samples.whole_s.append(whole_s)


class _HandOver:
    """The producer's end; puts tensors off the event loop, as a stage does."""

    def __init__(self, stores: dict[str, TensorStore], channel: grpc.aio.Channel) -> None:
        self._stores = stores
        self._pool = WorkerPool("producer", 1)
        write, read = TensorRefMessage.SerializeToString, Int64Value.FromString
        self._take_ref = channel.unary_unary(f"/{SERVICE}/TakeRef", write, read)
        self._take_inline = channel.stream_unary(f"/{SERVICE}/TakeInline", write, read)

    @property
    def tiers(self) -> tuple[str, ...]:
        return tuple(self._stores)

    async def by_ref(self, tier: str, tensor: HostTensor) -> tuple[float, float, float]:
        """Seconds of put, of get, and from the one's beginning to the answer to the other."""
        started_s = time.perf_counter()
        message, put_s = await self._pool.run(self._put, tier, tensor)
        get_ns = (await self._take_ref(message)).value
        return put_s, get_ns / 1e9, time.perf_counter() - started_s

    async def inline(self, tensor: HostTensor, part_bytes: int) -> float:
        """Seconds until the consumer has all of it in one piece."""

        async def parts() -> AsyncIterator[TensorRefMessage]:
            for start in range(0, len(tensor.data), part_bytes):
                yield TensorRefMessage(inline_data=bytes(tensor.data[start : start + part_bytes]))

        started_s = time.perf_counter()
        await self._take_inline(parts())
        return time.perf_counter() - started_s

    async def close(self) -> None:
        await self._pool.close()

    def _put(self, tier: str, tensor: HostTensor) -> tuple[TensorRefMessage, float]:
        started_s = time.perf_counter()
        ref = self._stores[tier].put(tensor, tenant=TENANT, ttl_s=TTL_S)
        return ref.to_proto(), time.perf_counter() - started_s


def _figures(size_bytes: int, samples: SamplesByPath) -> list[Figure]:
    size = f"{size_bytes // MIB} MiB" if size_bytes >= MIB else f"{size_bytes // KIB} KiB"
    of_size = {path: found for (of_bytes, path), found in samples.items() if of_bytes == size_bytes}
    figures = []
    for path in (path for path in (*WORDS_BY_TIER, FRESH, *PART_BYTES) if path in of_size):
        found, words = of_size[path], f"{size}, {WORDS_BY_TIER.get(path, path)}"
        if found.put_s:
            target = TARGETS.get(size_bytes) if path == SHARED_MEMORY else None
            figures.append(_put_and_get(words, found, target))
        figures.append(latency(f"{words}: whole", found.whole_s))
    if SHARED_MEMORY in of_size:
        figures += _gains(size, of_size, GAIN_TARGETS.get(size_bytes))
    return figures


def _put_and_get(words: str, found: Samples, target: Target | None = None) -> Figure:
    both_s = [put_s + get_s for put_s, get_s in zip(found.put_s, found.get_s, strict=True)]
    put, get = latency("put", found.put_s), latency("get", found.get_s)
    parts = {"put_ms": put.value, "get_ms": get.value}
    return latency(f"{words}: put + get", both_s, target, parts)


def _gains(size: str, of_size: dict[str, Samples], target: Target | None) -> list[Figure]:
    inline = [latency(path, of_size[path].whole_s) for path in PART_BYTES if path in of_size]
    fastest = min(inline, key=lambda figure: figure.value)
    by_ref = of_size[SHARED_MEMORY]
    return [
        ratio(
            f"{size}, inline over put + get in shared memory",
            inline[0],
            _put_and_get("", by_ref),
            target,
            "inline in as few messages as the limit lets by",
        ),
        ratio(
            f"{size}, inline over shared memory, whole over whole",
            fastest,
            latency("", by_ref.whole_s),
            note="the faster of the inline paths; both have the cost of a call",
        ),
    ]
