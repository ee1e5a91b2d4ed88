"""What happens in a run, as plain values; each class mirrors a message of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import EnumDescriptor

from earthgptx_client.events import Failure
from protos.earthgptx.v1 import interpreter_pb2, workflows_pb2


@dataclass(frozen=True)
class RunAccepted:
    """The run is recorded; its workflow has so many steps."""

    workflow: str
    steps: int


@dataclass(frozen=True)
class RunResumed:
    """A run that had ended is taken up again."""


@dataclass(frozen=True)
class StepStarted:
    """Somebody works on the step."""

    step: str


@dataclass(frozen=True)
class StepExpanded:
    """The step is run for each of so many items."""

    step: str
    items: int


@dataclass(frozen=True)
class UnitDone:
    """One item of a step is done; items are counted from 0."""

    step: str
    item: int


@dataclass(frozen=True)
class StepDone:
    """A step is done; `summary` says in a few words what each of its outputs is."""

    step: str
    summary: Mapping[str, str]


@dataclass(frozen=True)
class StepSkipped:
    """A step is skipped."""

    step: str


@dataclass(frozen=True)
class StepFailed:
    """An attempt failed; `item` is None where the step is one run."""

    step: str
    item: int | None
    attempt: int
    failure: Failure
    will_retry: bool


@dataclass(frozen=True)
class StepRewound:
    """A step, or one item of it, runs again, since what it gave is gone."""

    step: str
    reason: str
    item: int | None = None


@dataclass(frozen=True)
class RunEnded:
    """The end. `state`: "succeeded", "failed" or "cancelled"."""

    state: str
    failure: Failure | None


Happened = (
    RunAccepted
    | RunResumed
    | StepStarted
    | StepExpanded
    | UnitDone
    | StepDone
    | StepSkipped
    | StepFailed
    | StepRewound
    | RunEnded
)


@dataclass(frozen=True)
class RunEvent:
    """Something that happened.

    Attributes:
        number: 1, 2, 3 and so on, none left out.
        at_ms: Unix time.
        happened: what; None for a kind this release does not know.
    """

    number: int
    at_ms: int
    happened: Happened | None


def run_event(message: workflows_pb2.RunEvent) -> RunEvent:
    """The message as a plain value."""
    return RunEvent(message.number, message.at_ms, _happened(message))


def state_of(number: int) -> str:
    """Name of a state of a run, as in `RunInfo.state`."""
    return word_of(workflows_pb2.RunState.DESCRIPTOR, number, "RUN_STATE_")


def word_of(enum: EnumDescriptor, number: int, prefix: str) -> str:
    """A value of an enum as a small word; "unknown" for one this release does not know."""
    value = enum.values_by_number.get(number)
    return str(value.name).removeprefix(prefix).lower() if value else "unknown"


def failure_in(message: workflows_pb2.RunEnded | workflows_pb2.RunInfo) -> Failure | None:
    """Why it did not succeed; None if that is not said."""
    return failure(message.failure) if message.HasField("failure") else None


def failure(message: interpreter_pb2.Failure) -> Failure:
    """The message as a plain value."""
    field, limit = message.field or None, message.limit or None
    return Failure(message.code, message.message, message.retryable, field, limit)


def _happened(event: workflows_pb2.RunEvent) -> Happened | None:
    match event.WhichOneof("event"):
        case "accepted":
            return RunAccepted(event.accepted.workflow, event.accepted.steps)
        case "resumed":
            return RunResumed()
        case "started":
            return StepStarted(event.started.step)
        case "expanded":
            return StepExpanded(event.expanded.step, event.expanded.items)
        case "unit_done":
            return UnitDone(event.unit_done.step, event.unit_done.item)
        case "done":
            return StepDone(event.done.step, dict(event.done.summary))
        case "skipped":
            return StepSkipped(event.skipped.step)
        case "failed":
            return _step_failed(event.failed)
        case "rewound":
            rewound = event.rewound
            item = rewound.item if rewound.HasField("item") else None
            return StepRewound(rewound.step, rewound.reason, item)
        case "ended":
            return RunEnded(state_of(event.ended.state), failure_in(event.ended))
    return None


def _step_failed(message: workflows_pb2.StepFailed) -> StepFailed:
    return StepFailed(
        message.step,
        message.item if message.HasField("item") else None,
        message.attempt,
        failure(message.failure),
        message.will_retry,
    )
