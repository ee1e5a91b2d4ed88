"""Features that fake stages really keep, in a tensor Redis that may lose them."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from protos.earthgptx.v1 import tensor_pb2
from shared.security import Signer
from shared.settings import Secret
from shared.tensors.host_tensor import HostTensor
from shared.tensors.redis_tier import RedisTier
from shared.tensors.ref import SIGNING_PURPOSE, TensorRef
from shared.tensors.store import TensorStore

LIFE_S = 300.0


class KeptFeatures:
    """Small tensors, no two alike."""

    def __init__(self, url: str, suite_key: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=2, retry=Retry(NoBackoff(), 0))
        signer = Signer(Secret(suite_key), SIGNING_PURPOSE)
        self._store = TensorStore([RedisTier(self._client)], signer)
        self._numbers = itertools.count()

    async def make(self, tenant: str) -> tensor_pb2.TensorRef:
        """Raises StageUnavailable where the Redis is away."""
        numbers = HostTensor.from_numpy(np.full(4, next(self._numbers), np.float32))
        put = asyncio.to_thread(self._store.put, numbers, tenant=tenant, ttl_s=LIFE_S)
        return (await put).to_proto()

    async def read(self, message: tensor_pb2.TensorRef) -> None:
        """Raises TensorGone where it has lost them, StageUnavailable where it is away."""
        asked = TensorRef.from_proto(message)
        await asyncio.to_thread(self._store.get, asked, tenant=asked.tenant)

    def close(self) -> None:
        self._client.close()
