"""Small payloads remembered by name, per tenant, until they expire: the feature cache's index."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Protocol

import redis
from redis.exceptions import RedisError

from shared.errors import InvalidInput, StageUnavailable

PAYLOAD_LIMIT_BYTES = 1024 * 1024
NAME_LIMIT_CHARACTERS = 512

_LOCAL_LIMIT = 10_000


class Index(Protocol):
    """What was remembered may be gone at any time; it is a cache."""

    def remember(self, tenant: str, name: str, payload: bytes, ttl_s: float) -> None:
        """Keeps `payload` under `name`, over what was there."""
        ...

    def find(self, tenant: str, name: str) -> bytes | None:
        """What was remembered, or None."""
        ...

    def forget(self, tenant: str, prefix: str) -> int:
        """Drops every name that begins with `prefix`; returns how many."""
        ...


class RedisIndex:
    """In the tensor Redis, under `egx:index:<tenant>:<name>`."""

    def __init__(self, client: redis.Redis) -> None:
        """Takes a client that returns bytes."""
        self._client = client

    def remember(self, tenant: str, name: str, payload: bytes, ttl_s: float) -> None:
        """See `Index`."""
        try:
            self._client.set(_key(tenant, name), payload, px=max(1, int(ttl_s * 1000)))
        except RedisError as error:
            raise StageUnavailable("the tensor Redis cannot be written") from error

    def find(self, tenant: str, name: str) -> bytes | None:
        """See `Index`."""
        try:
            found = self._client.get(_key(tenant, name))
        except RedisError as error:
            raise StageUnavailable("the tensor Redis cannot be read") from error
        assert found is None or isinstance(found, bytes)
        return found

    def forget(self, tenant: str, prefix: str) -> int:
        """See `Index`; walks the key space, so it is for deletions, not for every request."""
        pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", _key(tenant, prefix)) + "*"
        try:
            names = list(self._client.scan_iter(match=pattern, count=1000))
            return sum(int(self._client.unlink(name)) for name in names)
        except RedisError as error:
            raise StageUnavailable("the tensor Redis cannot be written") from error


class LocalIndex:
    """In this process, for a suite without a tensor Redis; oldest names go first."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Starts empty."""
        self._clock = clock
        self._mutex = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, bytes]] = {}

    def remember(self, tenant: str, name: str, payload: bytes, ttl_s: float) -> None:
        """See `Index`."""
        with self._mutex:
            self._kept.pop((tenant, name), None)
            if len(self._kept) >= _LOCAL_LIMIT:
                del self._kept[next(iter(self._kept))]
            self._kept[tenant, name] = (self._clock() + ttl_s, payload)

    def find(self, tenant: str, name: str) -> bytes | None:
        """See `Index`."""
        with self._mutex:
            expires_at_s, payload = self._kept.get((tenant, name), (0.0, b""))
        return payload if expires_at_s > self._clock() else None

    def forget(self, tenant: str, prefix: str) -> int:
        """See `Index`."""
        with self._mutex:
            names = [k for k in self._kept if k[0] == tenant and k[1].startswith(prefix)]
            for name in names:
                del self._kept[name]
        return len(names)


def check_entry(name: str, payload: bytes) -> None:
    """Bounds what is remembered.

    Raises:
        InvalidInput: Name or payload is empty or too large.
    """
    if not 0 < len(name) <= NAME_LIMIT_CHARACTERS:
        raise InvalidInput(
            "the name is empty or too long",
            field="name",
            limit=f"{NAME_LIMIT_CHARACTERS} characters",
        )
    if len(payload) > PAYLOAD_LIMIT_BYTES:
        raise InvalidInput(
            "the payload is too large", field="payload", limit=f"{PAYLOAD_LIMIT_BYTES} bytes"
        )


def _key(tenant: str, name: str) -> str:
    return f"egx:index:{tenant}:{name}"
