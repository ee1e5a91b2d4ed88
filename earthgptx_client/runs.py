"""Runs of workflows: followed, ended, taken up again, and what they gave."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from earthgptx_client.calls import Caller, Deadline, Metadata, Pauses, Result, traced, with_retries
from earthgptx_client.errors import UNREACHABLE, ClientError, from_rpc_error, invalid_input
from earthgptx_client.events import Failure
from earthgptx_client.json_values import from_wire
from earthgptx_client.run_events import RunEvent, failure_in, run_event, state_of, word_of
from earthgptx_client.whole_files import whole_file
from earthgptx_client.workflows import StartedRun
from protos.earthgptx.v1 import workflows_pb2, workflows_pb2_grpc

STATES: Mapping[str, workflows_pb2.RunState] = {
    "": workflows_pb2.RUN_STATE_UNSPECIFIED,
    "running": workflows_pb2.RUN_STATE_RUNNING,
    "succeeded": workflows_pb2.RUN_STATE_SUCCEEDED,
    "failed": workflows_pb2.RUN_STATE_FAILED,
    "cancelled": workflows_pb2.RUN_STATE_CANCELLED,
}


@dataclass(frozen=True)
class RunInfo:
    """What is known of a run.

    Attributes:
        run_id: its name.
        workflow: name of the workflow.
        version: of the workflow; 0 for one that came with the request.
        digest: "sha256:<hex>" of the definition.
        state: "running", "succeeded", "failed" or "cancelled".
        created_at_ms: when it was accepted, Unix time.
        ended_at_ms: when it ended; 0 while it runs.
        deadline_at_ms: when it is given up.
        failure: why it did not succeed.
        last_event: number of its last event.
    """

    run_id: str
    workflow: str
    version: int
    digest: str
    state: str
    created_at_ms: int
    ended_at_ms: int
    deadline_at_ms: int
    failure: Failure | None
    last_event: int


@dataclass(frozen=True)
class StepInfo:
    """How a step of a run stands; fields as in workflows.proto (`items` None where absent)."""

    step: str
    task: str
    state: str
    items: int | None
    items_done: int
    attempts: int
    failures: int
    started_at_ms: int
    ended_at_ms: int
    error: str


@dataclass(frozen=True)
class RunFile:
    """A file that a run wrote.

    Attributes:
        output: the output it is in.
        position: where in it, for lists, from 0, from the outside in.
        key: for `Runs.download`.
        name: what to call it; no path.
        media_type: such as "application/geo+json".
        size_bytes: of its content.
    """

    output: str
    position: tuple[int, ...]
    key: str
    name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True)
class Run:
    """A run with its steps, in the order of the plan; once it has succeeded, with what it gave."""

    info: RunInfo
    steps: tuple[StepInfo, ...]
    outputs: Mapping[str, Any]
    files: tuple[RunFile, ...]


class Runs:
    """Safe to use from several threads; every method raises `ClientError`."""

    def __init__(self, channel: grpc.Channel, caller: Caller) -> None:
        """Belongs to a `Client`, whose `runs` it is."""
        self._stub = workflows_pb2_grpc.WorkflowsStub(channel)
        self._caller = caller

    def get(self, run_id: str, *, timeout_s: float | None = None) -> Run:
        """How a run stands; what it gave is whole, however large."""
        deadline = self._caller.deadline(timeout_s)
        request = workflows_pb2.GetRunRequest(run_id=run_id)
        told = self._call("GetRun", request, deadline.remaining_s())
        outputs = {name: from_wire(value) for name, value in told.outputs.items()}
        for name in told.large_outputs:
            outputs[name] = self._output(run_id, name, deadline)
        return Run(
            _info(told.run),
            tuple(map(_step, told.steps)),
            dict(sorted(outputs.items())),
            tuple(map(_file, told.files)),
        )

    def list(
        self, *, state: str = "", workflow: str = "", timeout_s: float | None = None
    ) -> Iterator[RunInfo]:
        """Runs, the newest first; `timeout_s` is for each page.

        Args:
            state: only those in it; "" for any.
            workflow: only those of the workflow of that name; "" for any.
            timeout_s: for each page.
        """
        if state not in STATES:
            known = ", ".join(filter(None, STATES))
            raise invalid_input(f"unknown state {state!r}", "state", known)
        token = ""
        while True:
            request = workflows_pb2.ListRunsRequest(
                page_token=token, state=STATES[state], workflow=workflow
            )
            page = self._call("ListRuns", request, timeout_s)
            yield from map(_info, page.runs)
            token = page.next_page_token
            if not token:
                return

    def watch(
        self, run_id: str, *, after_event: int = 0, timeout_s: float | None = None
    ) -> Iterator[RunEvent]:
        """Events after number `after_event`, to the end of the run; a lost connection is no loss.

        Raises:
            ClientError: the run is unknown, or the time is over; the run goes on.
        """
        deadline = self._caller.deadline(timeout_s)
        with traced(self._caller.tracer, "Workflows/WatchRun", self._caller.metadata) as metadata:
            yield from self._watch(run_id, after_event, deadline, metadata)

    def cancel(self, run_id: str, *, timeout_s: float | None = None) -> None:
        """Calls a run off; one that has ended is left as it is."""
        self._call("CancelRun", workflows_pb2.CancelRunRequest(run_id=run_id), timeout_s)

    def resume(self, run_id: str, *, timeout_s: float | None = None) -> None:
        """Takes up a run that failed or was cancelled: only what is missing runs again."""
        self._call("ResumeRun", workflows_pb2.ResumeRunRequest(run_id=run_id), timeout_s)

    def rerun(
        self, run_id: str, *, idempotency_key: str | None = None, timeout_s: float | None = None
    ) -> StartedRun:
        """Starts a new run of the same definition on the same inputs; the key as for a first."""
        key = uuid.uuid4().hex if idempotency_key is None else idempotency_key
        request = workflows_pb2.RerunRunRequest(run_id=run_id, idempotency_key=key)
        told = self._call("RerunRun", request, timeout_s)
        return StartedRun(told.run_id, told.joined)

    def download(
        self, run_id: str, file: RunFile, folder: Path, *, timeout_s: float | None = None
    ) -> Path:
        """Writes a file into a folder that is there; readers see all of it or none.

        Raises:
            ClientError: the file is gone, damaged, or cannot be written.
        """
        name = Path(file.name).name
        if name != file.name or name in ("", ".", ".."):
            raise ClientError("INTERNAL", f"the suite named a file {file.name!r}")
        deadline = self._caller.deadline(timeout_s)
        request = workflows_pb2.GetRunFileRequest(run_id=run_id, key=file.key)

        def write(chunks: Iterator[bytes]) -> None:
            with whole_file(folder / name) as out:
                size_bytes = sum(map(out.write, chunks))
                if size_bytes != file.size_bytes:
                    of = f"{size_bytes} of {file.size_bytes} bytes"
                    raise ClientError("INTERNAL", f"{name} has {of}")

        self._stream("GetRunFile", request, write, deadline)
        return folder / name

    def _output(self, run_id: str, name: str, deadline: Deadline) -> Any:
        request = workflows_pb2.GetRunOutputRequest(run_id=run_id, output=name)
        return json.loads(self._stream("GetRunOutput", request, b"".join, deadline))

    def _stream(
        self,
        method: str,
        request: Any,
        gather: Callable[[Iterator[bytes]], Result],
        deadline: Deadline,
    ) -> Result:
        """What `gather` makes of the chunks; of all of them again where trying again helps."""
        caller = self._caller
        with traced(caller.tracer, f"Workflows/{method}", caller.metadata) as metadata:

            def attempt() -> Result:
                stream = getattr(self._stub, method)(
                    request, timeout=deadline.remaining_s(), metadata=metadata
                )
                return gather(response.chunk for response in stream)

            return with_retries(attempt, deadline, caller.max_attempts)

    def _watch(
        self, run_id: str, after_event: int, deadline: Deadline, metadata: Metadata
    ) -> Iterator[RunEvent]:
        pauses = Pauses(deadline, self._caller.max_attempts)
        connected = False
        while True:
            request = workflows_pb2.WatchRunRequest(run_id=run_id, after_event=after_event)
            stream = self._stub.WatchRun(request, timeout=deadline.remaining_s(), metadata=metadata)
            try:
                for response in stream:
                    event = run_event(response.event)
                    after_event, connected = event.number, True
                    pauses = Pauses(deadline, self._caller.max_attempts)
                    yield event
                return
            except grpc.RpcError as rpc_error:
                error = from_rpc_error(rpc_error)
                # The suite was there a moment ago: a gateway is replaced, or its connections aged.
                error.retryable |= connected and error.code == UNREACHABLE
                pauses.wait_after(error)
            finally:
                stream.cancel()

    def _call(self, method: str, request: Any, timeout_s: float | None) -> Any:
        return self._caller.call(
            f"Workflows/{method}",
            getattr(self._stub, method),
            lambda: request,
            self._caller.deadline(timeout_s),
        )


def _info(message: workflows_pb2.RunInfo) -> RunInfo:
    return RunInfo(
        run_id=message.run_id,
        workflow=message.workflow,
        version=message.version,
        digest=message.digest,
        state=state_of(message.state),
        created_at_ms=message.created_at_ms,
        ended_at_ms=message.ended_at_ms,
        deadline_at_ms=message.deadline_at_ms,
        failure=failure_in(message),
        last_event=message.last_event,
    )


def _step(message: workflows_pb2.StepInfo) -> StepInfo:
    return StepInfo(
        step=message.step,
        task=message.task,
        state=word_of(workflows_pb2.StepState.DESCRIPTOR, message.state, "STEP_STATE_"),
        items=message.items if message.HasField("items") else None,
        items_done=message.items_done,
        attempts=message.attempts,
        failures=message.failures,
        started_at_ms=message.started_at_ms,
        ended_at_ms=message.ended_at_ms,
        error=message.error,
    )


def _file(message: workflows_pb2.RunFile) -> RunFile:
    return RunFile(
        output=message.output,
        position=tuple(message.position),
        key=message.key,
        name=message.name,
        media_type=message.media_type,
        size_bytes=message.size_bytes,
    )
