"""What is known of a run, its steps and its files, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from earthgptx_client.events import Failure
from earthgptx_client.run_events import failure_in, state_of, word_of
from protos.earthgptx.v1 import workflows_pb2


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


def run_info(message: workflows_pb2.RunInfo) -> RunInfo:
    """What a message says of a run."""
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


def step_info(message: workflows_pb2.StepInfo) -> StepInfo:
    """What a message says of a step."""
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


def run_file(message: workflows_pb2.RunFile) -> RunFile:
    """What a message says of a file."""
    return RunFile(
        output=message.output,
        position=tuple(message.position),
        key=message.key,
        name=message.name,
        media_type=message.media_type,
        size_bytes=message.size_bytes,
    )
