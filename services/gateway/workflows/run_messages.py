"""Runs and their events as public messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, assert_never, cast

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value as WireValue

from protos.earthgptx.v1 import workflows_pb2
from services.gateway.rendering import failure_of
from shared.errors import InvalidInput
from shared.workflow_runs.events import (
    NumberedEvent,
    RunAccepted,
    RunEnded,
    RunResumed,
    StepDone,
    StepExpanded,
    StepFailed,
    StepRewound,
    StepSkipped,
    StepStarted,
    UnitDone,
)
from shared.workflow_runs.views import RunView, StepView
from workflow_language.document import Json
from workflow_language.values import File

_STATES: dict[str, workflows_pb2.RunState] = {
    "running": workflows_pb2.RUN_STATE_RUNNING,
    "succeeded": workflows_pb2.RUN_STATE_SUCCEEDED,
    "failed": workflows_pb2.RUN_STATE_FAILED,
    "cancelled": workflows_pb2.RUN_STATE_CANCELLED,
}
_STEP_STATES: dict[str, workflows_pb2.StepState] = {
    "waiting": workflows_pb2.STEP_STATE_WAITING,
    "queued": workflows_pb2.STEP_STATE_QUEUED,
    "running": workflows_pb2.STEP_STATE_RUNNING,
    "done": workflows_pb2.STEP_STATE_DONE,
    "skipped": workflows_pb2.STEP_STATE_SKIPPED,
    "failed": workflows_pb2.STEP_STATE_FAILED,
    "stopped": workflows_pb2.STEP_STATE_STOPPED,
}


def state_named(number: int) -> str:
    """The state that a list is asked for; empty for any.

    Raises:
        InvalidInput: There is no such state.
    """
    if number == workflows_pb2.RUN_STATE_UNSPECIFIED:
        return ""
    for name, state in _STATES.items():
        if state == number:
            return name
    raise InvalidInput(f"state is {number}", field="state", limit=f"0 to {len(_STATES)}")


def run_info(run: RunView) -> workflows_pb2.RunInfo:
    """What is known of a run."""
    return workflows_pb2.RunInfo(
        run_id=run.run_id,
        workflow=run.workflow_name,
        version=run.version,
        state=_STATES[run.state],
        created_at_ms=run.created_at_ms,
        ended_at_ms=run.ended_at_ms or 0,
        failure=failure_of(run.fault),
        last_event=run.events,
        deadline_at_ms=run.deadline_at_ms,
        digest=run.definition_digest,
    )


def step_info(step: StepView) -> workflows_pb2.StepInfo:
    """What is known of a step."""
    return workflows_pb2.StepInfo(
        step=step.step,
        task=step.task,
        state=_STEP_STATES[step.state],
        items=step.items_total,
        items_done=step.items_done,
        attempts=step.attempts,
        failures=step.failures,
        started_at_ms=step.started_at_ms or 0,
        ended_at_ms=step.ended_at_ms or 0,
        error=step.error,
    )


def run_file(output: str, position: Sequence[int], file: File) -> workflows_pb2.RunFile:
    """A file and where it is in the outputs."""
    return workflows_pb2.RunFile(
        output=output,
        position=position,
        key=file.key,
        name=file.name,
        media_type=file.media_type,
        size_bytes=file.size_bytes,
    )


def wire_value(value: Json) -> WireValue:
    """A JSON value."""
    # The stub's types know objects only; the message is of any JSON value.
    return ParseDict(cast(Any, value), WireValue())


def run_event(numbered: NumberedEvent) -> workflows_pb2.RunEvent:
    """One event."""
    told = workflows_pb2.RunEvent(number=numbered.number, at_ms=numbered.at_ms)
    match numbered.event:
        case RunAccepted() as event:
            told.accepted.CopyFrom(workflows_pb2.RunAccepted(**asdict(event)))
        case RunResumed():
            told.resumed.SetInParent()
        case StepStarted(step):
            told.started.step = step
        case StepExpanded(step, count):
            told.expanded.CopyFrom(workflows_pb2.StepExpanded(step=step, items=count))
        case UnitDone() as event:
            told.unit_done.CopyFrom(workflows_pb2.UnitDone(**asdict(event)))
        case StepDone() as event:
            told.done.CopyFrom(workflows_pb2.StepDone(**asdict(event)))
        case StepSkipped(step):
            told.skipped.step = step
        case StepFailed() as event:
            told.failed.CopyFrom(_step_failed(event))
        case StepRewound() as event:
            told.rewound.CopyFrom(workflows_pb2.StepRewound(**asdict(event)))
        case RunEnded(state, fault):
            ended = workflows_pb2.RunEnded(state=_STATES[state], failure=failure_of(fault))
            told.ended.CopyFrom(ended)
        case _:
            assert_never(numbered.event)
    return told


def _step_failed(event: StepFailed) -> workflows_pb2.StepFailed:
    return workflows_pb2.StepFailed(
        step=event.step,
        item=event.item,
        attempt=event.attempt,
        failure=failure_of(event.fault),
        will_retry=event.will_retry,
    )
