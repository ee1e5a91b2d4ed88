"""Runs of workflows: followed, ended, taken up again, and what they gave."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc

from earthgptx_client.calls import (
    Caller,
    Deadline,
    Metadata,
    NamedCalls,
    Pauses,
    Result,
    traced,
    with_retries,
)
from earthgptx_client.errors import UNREACHABLE, ClientError, from_rpc_error, invalid_input
from earthgptx_client.json_values import from_wire
from earthgptx_client.run_events import RunEvent, run_event
from earthgptx_client.run_infos import Run, RunFile, RunInfo, run_file, run_info, step_info
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


class Runs:
    """Safe to use from several threads; every method raises `ClientError`."""

    def __init__(self, channel: grpc.Channel, caller: Caller) -> None:
        """Belongs to a `Client`, whose `runs` it is."""
        self._stub = workflows_pb2_grpc.WorkflowsStub(channel)
        self._caller = caller
        self._call = NamedCalls("Workflows", self._stub, caller)

    def get(self, run_id: str, *, timeout_s: float | None = None) -> Run:
        """How a run stands; what it gave is whole, however large."""
        deadline = self._caller.deadline(timeout_s)
        request = workflows_pb2.GetRunRequest(run_id=run_id)
        told = self._call("GetRun", request, deadline.remaining_s())
        outputs = {name: from_wire(value) for name, value in told.outputs.items()}
        for name in told.large_outputs:
            outputs[name] = self._output(run_id, name, deadline)
        return Run(
            run_info(told.run),
            tuple(map(step_info, told.steps)),
            dict(sorted(outputs.items())),
            tuple(map(run_file, told.files)),
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
            yield from map(run_info, page.runs)
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
