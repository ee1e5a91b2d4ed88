"""What a caller is told of a workflow run, in order, numbered from 1 without gaps; past tense."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.interpretation.events import Fault
from shared.messages.event_codec import EventCodec


@dataclass(frozen=True, slots=True)
class RunAccepted:
    """The run is recorded, whatever happens from here on; it has so many steps."""

    workflow: str
    steps: int


@dataclass(frozen=True, slots=True)
class RunResumed:
    """A run that had ended goes on: what was missing runs, what was done stays."""


@dataclass(frozen=True, slots=True)
class StepStarted:
    """Somebody works on the step."""

    step: str


@dataclass(frozen=True, slots=True)
class StepExpanded:
    """The items of a `for_each` step are known; so many of them are run."""

    step: str
    count: int


@dataclass(frozen=True, slots=True)
class UnitDone:
    """One item of a step is done; items are counted from 0."""

    step: str
    item: int


@dataclass(frozen=True, slots=True)
class StepDone:
    """The step is done; `summary` says of each output in a few words what it is."""

    step: str
    summary: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """The step is not run: its `when` does not hold, or it needs a step that was skipped."""

    step: str


@dataclass(frozen=True, slots=True)
class StepFailed:
    """An attempt came to nothing; `item` is None where the step is one run."""

    step: str
    item: int | None
    attempt: int
    fault: Fault
    will_retry: bool


@dataclass(frozen=True, slots=True)
class StepRewound:
    """The step, or one item of it, runs again, for what it had given is gone."""

    step: str
    reason: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The end; `fault` is None if and only if the state is "succeeded"."""

    state: str
    fault: Fault | None = None


Event = (
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


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event, its number in the run (from 1), and when it was told (Unix time in ms)."""

    number: int
    at_ms: int
    event: Event


CODEC: EventCodec[Event] = EventCodec(
    {
        "run_accepted": RunAccepted,
        "run_resumed": RunResumed,
        "step_started": StepStarted,
        "step_expanded": StepExpanded,
        "unit_done": UnitDone,
        "step_done": StepDone,
        "step_skipped": StepSkipped,
        "step_failed": StepFailed,
        "step_rewound": StepRewound,
        "run_ended": RunEnded,
    }
)
