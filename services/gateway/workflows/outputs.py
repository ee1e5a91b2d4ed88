"""What a run gave: values within a message, larger ones and files in chunks."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from protos.earthgptx.v1.workflows_pb2 import GetRunResponse
from services.gateway.tenant_admission import TenantAdmission
from services.gateway.workflows import run_messages
from shared.errors import NotFound
from shared.tensors.files import get_file
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool
from shared.workflow_runs.views import RunView, StepView
from workflow_language.document import Json
from workflow_language.value_json import NotOfType, value_from_json
from workflow_language.value_types import FILE
from workflow_language.values import File

CHUNK_BYTES = 1024 * 1024
# Of JSON in one message: it is parsed value by value, and a message holds 8 MiB.
WITHIN_MESSAGE_BYTES = 1024 * 1024
THREADS = 4


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file and where it is in the outputs: `position` in lists, from the outside in."""

    output: str
    position: tuple[int, ...]
    file: File


class RunOutputs:
    """Reads outputs and files of runs, off the event loop; only what the run gave."""

    def __init__(self, store: TensorStore, admission: TenantAdmission) -> None:
        """Takes the store files lie in, and how many a tenant may read at once."""
        self._store = store
        self._admission = admission
        self._pool = WorkerPool("outputs", THREADS)

    def reading(self, tenant: str) -> AbstractContextManager[None]:
        """A place for whoever reads an output, a file, or a run with large outputs.

        Enter it before these are read: all outputs of the run are in memory from then on.

        Raises:
            QuotaExceeded: The tenant reads as many as it may.
        """
        return self._admission.enter(tenant)

    async def message(self, run: RunView, steps: Iterable[StepView]) -> GetRunResponse:
        """A run, how its steps stand, and what it gave as far as a message holds it."""
        return await self._pool.run(_message, run, steps)

    def output(self, run: RunView, name: str) -> AsyncGenerator[bytes, None]:
        """The JSON of one output, in chunks.

        Raises:
            NotFound: The run gave no such output.
        """

        def read() -> bytes:
            outputs = outputs_in(run)
            if name not in outputs:
                raise NotFound("the run gave no such output", field="output")
            return json.dumps(outputs[name], separators=(",", ":")).encode()

        return self._chunks(read)

    def file(self, run: RunView, key: str) -> AsyncGenerator[bytes, None]:
        """The content of the file of that key, in chunks.

        Raises:
            NotFound: No output has such a file, or its time is over.
            StageUnavailable: The object store cannot be reached.
        """

        def read() -> bytes:
            if all(placed.file.key != key for placed in files_in(outputs_in(run))):
                raise NotFound("the run gave no such file", field="key")
            return get_file(self._store, key, tenant=run.tenant)

        return self._chunks(read)

    async def close(self) -> None:
        """Ends the threads."""
        await self._pool.close()

    async def _chunks(self, read: Callable[[], bytes]) -> AsyncGenerator[bytes, None]:
        data = await self._pool.run(read)
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES]


def outputs_in(run: RunView) -> dict[str, Json]:
    """What the run gave, by name; nothing before it has succeeded."""
    outputs: dict[str, Json] = json.loads(run.outputs_json) if run.outputs_json else {}
    return outputs


def files_in(outputs: Mapping[str, Json]) -> list[PlacedFile]:
    """Every file in the outputs of a run, each followed by those that belong beside it."""
    return [
        PlacedFile(name, position, file)
        for name, output in outputs.items()
        for position, whole in _files_of(output, ())
        for file in (whole, *whole.beside)
    ]


def _message(run: RunView, steps: Iterable[StepView]) -> GetRunResponse:
    outputs = outputs_in(run)
    within: dict[str, Json] = {}
    left_bytes = WITHIN_MESSAGE_BYTES
    for name, output in outputs.items():
        size_bytes = len(json.dumps(output))
        if size_bytes <= left_bytes:
            within[name] = output
            left_bytes -= size_bytes
    return GetRunResponse(
        run=run_messages.run_info(run),
        steps=[run_messages.step_info(step) for step in steps],
        outputs={name: run_messages.wire_value(output) for name, output in within.items()},
        files=[
            run_messages.run_file(placed.output, placed.position, placed.file)
            for placed in files_in(outputs)
        ],
        large_outputs=[name for name in outputs if name not in within],
    )


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
