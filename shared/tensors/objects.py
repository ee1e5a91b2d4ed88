"""Named bytes with an expiry: what the object tier and the images stand on.

A backend (`directory_objects`, `s3_objects`) keeps each object's expiry with the object itself, so
nothing outlives the loss of a list. `ExpiryList`, a sorted set in the tensor Redis, says quickly
which ones are due where asking every object would be slow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import redis
from redis.exceptions import RedisError

from shared.errors import QueueFull, StageUnavailable

# Objects below it are parts of unfinished uploads. One that was written by its URL carries no
# expiry, and has the latest an upload can have.
PARTS_FOLDER = "/parts/"
LONGEST_UPLOAD_S = 2 * 86_400.0

_EXPIRIES = "egx:expiries"

logger = logging.getLogger(__name__)


class ObjectMissing(Exception):
    """There is no object of that name."""


class ObjectsFull(QueueFull):
    """The object store's byte budget is used up."""


class ObjectsUnavailable(StageUnavailable):
    """The object store cannot be reached."""


@dataclass(frozen=True)
class ObjectStat:
    """An object's size, and the Unix time in milliseconds when it expires (0: never)."""

    size_bytes: int
    expires_at_ms: int

    def is_alive(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        return self.expires_at_ms == 0 or self.expires_at_ms > now_ms


class Objects(Protocol):
    """A backend. Names are paths of a-z, 0-9, "-", "_", "." and "/"."""

    reads_are_cheap: bool
    """Whether reading an object back costs less than writing it again."""

    def write(self, name: str, parts: Sequence[memoryview], expires_at_ms: int) -> None:
        """Makes or replaces an object, wholly or not at all.

        Raises:
            ObjectsFull: No room.
            ObjectsUnavailable: Not reached.
        """
        ...

    def write_file(self, name: str, path: Path, expires_at_ms: int) -> None:
        """As `write`, of a local file that is never in memory as a whole.

        Raises:
            ObjectsFull: No room.
            ObjectsUnavailable: Not reached.
            OSError: The file cannot be read.
        """
        ...

    def read(self, name: str, limit_bytes: int) -> memoryview:
        """The object's bytes; at most `limit_bytes` + 1 of them are fetched.

        Raises:
            ObjectMissing: It is not there.
            ObjectsUnavailable: Not reached.
        """
        ...

    def read_range(self, name: str, start: int, size_bytes: int) -> memoryview:
        """Bytes from `start` on, fewer where the object ends: what is too large for memory.

        Raises:
            ObjectMissing: It is not there, or has no byte at `start`.
            ObjectsUnavailable: Not reached.
        """
        ...

    def url_to_write(self, name: str, life_s: float) -> str:
        """Where an HTTP PUT without a key writes the object; empty where clients reach no store.

        What is written so expires as parts do (`PARTS_FOLDER`).
        """
        ...

    def stat(self, name: str) -> ObjectStat | None:
        """Size and expiry, or None if it is not there."""
        ...

    def prolong(self, name: str, expires_at_ms: int) -> None:
        """Sets the expiry of an object that is there.

        Raises:
            ObjectMissing: It is not there.
        """
        ...

    def delete(self, name: str) -> bool:
        """Deletes it; False if it was not there."""
        ...

    def delete_expired(self, name: str, expired_before_ms: int) -> ObjectStat | None:
        """Deletes it if it expired by then; returns what is there still, or None."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """The names of all objects that begin with `prefix`."""
        ...


class ExpiryList:
    """When each object is due, as a sorted set in the tensor Redis; advisory."""

    def __init__(self, client: redis.Redis) -> None:
        """Takes a client that returns bytes."""
        self._client = client

    def note(self, name: str, expires_at_ms: int) -> None:
        """Notes an expiry; a failure is logged, for a sweep finds the object all the same."""
        try:
            if expires_at_ms:
                self._client.zadd(_EXPIRIES, {name: expires_at_ms})
            else:
                self._client.zrem(_EXPIRIES, name)
        except RedisError as error:
            logger.warning("an expiry was not noted: %s", type(error).__name__)

    def drop(self, name: str) -> None:
        """Removes an object that is no more."""
        self.note(name, 0)

    def due(self, now_ms: int, count: int) -> list[str]:
        """Names whose expiry has come, the oldest first.

        Raises:
            ObjectsUnavailable: The tensor Redis cannot be read.
        """
        try:
            found = self._client.zrange(
                _EXPIRIES, "-inf", now_ms, byscore=True, offset=0, num=count
            )
        except RedisError as error:
            raise ObjectsUnavailable("the tensor Redis cannot be read") from error
        return [name.decode() for name in found if isinstance(name, bytes)]

    def knows(self, name: str) -> bool:
        """Whether the object's expiry is noted."""
        return self._client.zscore(_EXPIRIES, name) is not None


class NotedObjects:
    """A backend whose expiries are noted in an `ExpiryList` as they are set."""

    def __init__(self, backend: Objects, expiries: ExpiryList) -> None:
        """Wraps `backend`."""
        self._backend = backend
        self._expiries = expiries
        self.reads_are_cheap = backend.reads_are_cheap

    def write(self, name: str, parts: Sequence[memoryview], expires_at_ms: int) -> None:
        """See `Objects`; noted first, so that nothing is written that nobody will delete."""
        self._expiries.note(name, expires_at_ms)
        self._backend.write(name, parts, expires_at_ms)

    def write_file(self, name: str, path: Path, expires_at_ms: int) -> None:
        """See `Objects`."""
        self._expiries.note(name, expires_at_ms)
        self._backend.write_file(name, path, expires_at_ms)

    def read(self, name: str, limit_bytes: int) -> memoryview:
        """See `Objects`."""
        return self._backend.read(name, limit_bytes)

    def read_range(self, name: str, start: int, size_bytes: int) -> memoryview:
        """See `Objects`."""
        return self._backend.read_range(name, start, size_bytes)

    def url_to_write(self, name: str, life_s: float) -> str:
        """See `Objects`; a sweep finds what is written so, the list does not know it."""
        return self._backend.url_to_write(name, life_s)

    def stat(self, name: str) -> ObjectStat | None:
        """See `Objects`."""
        return self._backend.stat(name)

    def prolong(self, name: str, expires_at_ms: int) -> None:
        """See `Objects`."""
        self._backend.prolong(name, expires_at_ms)
        self._expiries.note(name, expires_at_ms)

    def delete(self, name: str) -> bool:
        """See `Objects`."""
        deleted = self._backend.delete(name)
        self._expiries.drop(name)
        return deleted

    def delete_expired(self, name: str, expired_before_ms: int) -> ObjectStat | None:
        """See `Objects`."""
        left = self._backend.delete_expired(name, expired_before_ms)
        self._expiries.note(name, left.expires_at_ms if left else 0)
        return left

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `Objects`."""
        return self._backend.names(prefix)
