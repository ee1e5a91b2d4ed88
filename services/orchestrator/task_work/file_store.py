"""Files that tasks write for people, in the object store."""

from __future__ import annotations

from shared.tensors.files import get_file, put_file
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool
from workflow_language.values import File

STORE_THREADS = 4


class FileStore:
    """Writes and reads files of all tenants."""

    def __init__(self, store: TensorStore, ttl_s: float) -> None:
        """Files live for `ttl_s` seconds."""
        self._store = store
        self._ttl_s = ttl_s
        self._storing = WorkerPool("files", STORE_THREADS)

    async def write(
        self, name: str, media_type: str, data: bytes, *, tenant: str, beside: tuple[File, ...] = ()
    ) -> File:
        """Keeps a file; writing it again is no second one.

        Raises:
            InvalidInput: It is too large.
            QueueFull: The object store is full.
            StageUnavailable: It cannot be reached.
        """
        key = await self._storing.run(put_file, self._store, data, tenant=tenant, ttl_s=self._ttl_s)
        return File(name, media_type, len(data), key, beside)

    async def read(self, file: File, *, tenant: str) -> bytes:
        """The content of a file.

        Raises:
            NotFound: Its time is over.
            StageUnavailable: The object store cannot be reached.
        """
        return await self._storing.run(get_file, self._store, file.key, tenant=tenant)

    async def close(self) -> None:
        """Ends the threads."""
        await self._storing.close()
