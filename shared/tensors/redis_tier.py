"""The tier in the tensor Redis: chunks of 1 MiB that expire by themselves.

One big value blocks the server and costs two to three times more than chunks of 1 to 2 MiB. The
chunks put together are one safetensors file: chunk 0 is its header, the others the elements. How
many there are follows from dtype and shape, so there is no record that could disagree with them.
"""

from __future__ import annotations

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import StageUnavailable, TensorGone
from shared.tensors.digest import XXH3, digest_of
from shared.tensors.frame import frame_header
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import REDIS, TensorRef
from shared.tensors.tier import Placed, TierUnable, content_key

CHUNK_BYTES = 1024 * 1024

# What one round trip carries: bounds the memory a pipeline holds.
_CHUNKS_PER_TRIP = 16

UNREACHABLE = (RedisConnectionError, RedisTimeoutError)


class RedisTier:
    """Chunks under `egx:tensor:<tenant>:<key>:<number>`, each with the tensor's expiry."""

    name = REDIS

    def __init__(self, client: redis.Redis, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Takes a client that returns bytes; it may be shared between threads."""
        self._client = client
        self._chunk_bytes = chunk_bytes

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        """Writes the chunks that are not there; those that are live on until the later expiry."""
        digest = digest_of(tensor.data, XXH3)
        key = content_key(tensor, digest)
        header = frame_header(tensor.dtype, tensor.shape)
        chunks = [memoryview(header), *_split(tensor.data, self._chunk_bytes)]
        names = _names(tenant, key, len(chunks))
        try:
            lengths = self._prolong(names, expires_at_ms)
            if lengths != [len(chunk) for chunk in chunks]:
                self._write(names, chunks, lengths, expires_at_ms)
        except UNREACHABLE as error:
            raise TierUnable("the tensor Redis cannot be reached") from error
        except OutOfMemoryError as error:
            raise TierUnable("the tensor Redis is full", full=True) from error
        except RedisError as error:
            raise TierUnable("the tensor Redis refuses writes") from error
        return Placed(key, digest)

    def get(self, ref: TensorRef) -> memoryview:
        """The elements, gathered into memory of their own."""
        header = frame_header(ref.dtype, ref.shape)
        count = 1 + -(-ref.size_bytes // self._chunk_bytes)
        names = _names(ref.tenant, ref.key, count)
        data = bytearray(ref.size_bytes)
        filled = 0
        try:
            for start in range(0, count, _CHUNKS_PER_TRIP):
                chunks = self._read(names[start : start + _CHUNKS_PER_TRIP])
                if start == 0 and chunks.pop(0) != header:
                    raise TensorGone("the tensor is no longer kept")
                for chunk in chunks:
                    if not chunk or filled + len(chunk) > len(data):
                        raise TensorGone("the tensor is no longer kept")
                    data[filled : filled + len(chunk)] = chunk
                    filled += len(chunk)
        except RedisError as error:
            raise StageUnavailable("the tensor Redis cannot be read") from error
        if filled != ref.size_bytes:
            raise TensorGone("the tensor is no longer kept")
        return memoryview(data)

    def _prolong(self, names: list[str], expires_at_ms: int) -> list[int]:
        """Moves the expiry of what is there, never back; returns each chunk's length, 0 for none.

        One transaction: what is found whole cannot expire between the two questions.
        """
        pipe = self._client.pipeline(transaction=True)
        for name in names:
            pipe.pexpireat(name, expires_at_ms, gt=True)
        for name in names:
            pipe.strlen(name)
        return [int(length) for length in pipe.execute()[len(names) :]]

    def _write(
        self,
        names: list[str],
        chunks: list[memoryview],
        lengths: list[int],
        expires_at_ms: int,
    ) -> None:
        missing = [
            item for item in zip(names, chunks, lengths, strict=True) if len(item[1]) != item[2]
        ]
        for start in range(0, len(missing), _CHUNKS_PER_TRIP):
            pipe = self._client.pipeline(transaction=False)
            for name, chunk, length in missing[start : start + _CHUNKS_PER_TRIP]:
                # Not over a chunk another writer has just made to live longer than ours.
                pipe.set(name, chunk, pxat=expires_at_ms, nx=length == 0)
                pipe.pexpireat(name, expires_at_ms, gt=True)
            pipe.execute()

    def _read(self, names: list[str]) -> list[bytes | None]:
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.get(name)
        return list(pipe.execute())


def _names(tenant: str, key: str, count: int) -> list[str]:
    return [f"egx:tensor:{tenant}:{key}:{number}" for number in range(count)]


def _split(data: memoryview, chunk_bytes: int) -> list[memoryview]:
    return [data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes)]
