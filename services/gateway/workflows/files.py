"""Files among the outputs of a run."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from services.gateway.tenant_admission import TenantAdmission
from shared.errors import NotFound
from shared.tensors.files import get_file
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool
from workflow_language.document import Json
from workflow_language.value_types import FILE
from workflow_language.values import File, NotOfType, value_from_json

CHUNK_BYTES = 1024 * 1024
STORE_THREADS = 4


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file and where it is in the outputs: `position` in lists, from the outside in."""

    output: str
    position: tuple[int, ...]
    file: File


def files_in(outputs_json: str) -> list[PlacedFile]:
    """Every file in the outputs of a run, each followed by those that belong beside it."""
    outputs: dict[str, Json] = json.loads(outputs_json) if outputs_json else {}
    return [
        PlacedFile(name, position, file)
        for name, output in outputs.items()
        for position, whole in _files_of(output, ())
        for file in (whole, *whole.beside)
    ]


class RunFiles:
    """Reads files of runs; only those that the run gave."""

    def __init__(self, store: TensorStore, admission: TenantAdmission) -> None:
        """Takes the store they lie in, and how many a tenant may read at once."""
        self._store = store
        self._admission = admission
        self._storing = WorkerPool("run_files", STORE_THREADS)

    async def read(self, outputs_json: str, key: str, tenant: str) -> AsyncGenerator[bytes, None]:
        """The content of the file of that key, in chunks.

        Raises:
            NotFound: No output has such a file, or its time is over.
            QuotaExceeded: The tenant reads as many files as it may.
            StageUnavailable: The object store cannot be reached.
        """
        if all(placed.file.key != key for placed in files_in(outputs_json)):
            raise NotFound("the run gave no such file", field="key")
        with self._admission.enter(tenant):
            data = await self._storing.run(get_file, self._store, key, tenant=tenant)
            for start in range(0, len(data), CHUNK_BYTES):
                yield data[start : start + CHUNK_BYTES]

    async def close(self) -> None:
        """Ends the threads."""
        await self._storing.close()


def _files_of(output: Json, position: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], File]]:
    """Files and where they are. Nothing but a file reads as one, so no types are needed."""
    if isinstance(output, list):
        for number, each in enumerate(output):
            yield from _files_of(each, (*position, number))
        return
    try:
        file = value_from_json(FILE, output)
    except NotOfType:
        return
    if isinstance(file, File):
        yield position, file
