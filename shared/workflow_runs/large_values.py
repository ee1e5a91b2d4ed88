"""Inputs and outputs too large for the state Redis lie in the object store, by reference.

In the record stands JSON itself, or "@" and the object's name.
"""

from __future__ import annotations

import time
import uuid

from shared.errors import InvalidInput, NotFound
from shared.tensors.objects import ObjectMissing, Objects
from shared.worker_pool import WorkerPool

INLINE_LIMIT_BYTES = 4096
LIMIT_BYTES = 256 * 1024 * 1024
_MARK = "@"


class LargeValues:
    """Writes and reads them off the event loop."""

    def __init__(self, objects: Objects, threads: int = 4, limit_bytes: int = LIMIT_BYTES) -> None:
        """Takes the object store's backend, and how large one text may be."""
        self._objects = objects
        self._limit_bytes = limit_bytes
        self._pool = WorkerPool("values", threads)

    async def keep(self, text: str, run_id: str, ttl_s: float) -> str:
        """What stands in the record for `text`, JSON of ASCII letters.

        Raises:
            InvalidInput: It is too large to be read again.
            QueueFull: The object store has no room.
            StageUnavailable: It cannot be reached.
        """
        if len(text) <= INLINE_LIMIT_BYTES:
            return text
        if len(text) > self._limit_bytes:
            limit = f"{self._limit_bytes} bytes"
            raise InvalidInput(f"the values have {len(text)} bytes", field="outputs", limit=limit)
        # A name of its own each time: a worker thought dead must not write over what was committed.
        name = f"workflow_runs/{run_id}/{uuid.uuid4().hex}"
        expires_at_ms = int((time.time() + ttl_s) * 1000)
        parts = [memoryview(text.encode())]
        await self._pool.run(self._objects.write, name, parts, expires_at_ms)
        return _MARK + name

    async def fetch(self, kept: str) -> str:
        """The text behind what stands in a record.

        Raises:
            NotFound: It has expired.
            StageUnavailable: The object store cannot be reached.
        """
        if not is_reference(kept):
            return kept
        try:
            name = kept.removeprefix(_MARK)
            found = await self._pool.run(self._objects.read, name, self._limit_bytes)
        except ObjectMissing:
            raise NotFound("the value has expired") from None
        return bytes(found).decode()

    async def prolong(self, kept: str, ttl_s: float) -> None:
        """Lets what stands in a record live for `ttl_s` seconds from now.

        Raises:
            NotFound: It has expired.
            StageUnavailable: The object store cannot be reached.
        """
        if not is_reference(kept):
            return
        expires_at_ms = int((time.time() + ttl_s) * 1000)
        try:
            await self._pool.run(self._objects.prolong, kept.removeprefix(_MARK), expires_at_ms)
        except ObjectMissing:
            raise NotFound("the value has expired") from None

    async def close(self) -> None:
        """Ends the threads."""
        await self._pool.close()


def is_reference(kept: str) -> bool:
    """Whether what stands in a record is the name of an object: JSON never begins so."""
    return kept.startswith(_MARK)
