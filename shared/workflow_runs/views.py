"""The plain data of workflow runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.interpretation.events import Fault
from shared.rpc_context import Priority

RunState = Literal["running", "succeeded", "failed", "cancelled"]
StepState = Literal["waiting", "queued", "running", "done", "skipped", "failed", "stopped"]
# What a stage of the queues does: the language model, outlines, or what needs no model.
Stage = Literal["reasoner", "mask_decoder", "orchestrator"]
STAGES: tuple[Stage, ...] = ("reasoner", "mask_decoder", "orchestrator")
Phase = Literal["whole", "item", "items", "gather"]
Refusal = Literal["over", "done", "waiting", "busy"]

# The unit that ends a run whose steps are all done. No step can be called so.
END = "run.end"


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bounds of workflow runs.

    Attributes:
        lease_s: A worker that has not renewed for so long is taken for dead.
        spare_claims: Claims of a unit beyond its step's retries, for dead workers and stages away.
        max_rewinds: Most times one unit has steps before it run again.
        resend_after_s: A unit ready for so long without a claim has lost its message.
        max_resend_s: Longest pause between two messages for one unit.
        retention_s: Life of a record after the end of its run.
        in_flight_per_tenant: Most units of a tenant that are ready or running at a time.
    """

    lease_s: float = 5.0
    spare_claims: int = 8
    max_rewinds: int = 3
    resend_after_s: float = 5.0
    max_resend_s: float = 60.0
    retention_s: float = 21_600.0
    in_flight_per_tenant: int = 32


@dataclass(frozen=True, slots=True)
class ReadyUnit:
    """A unit that may run now: who learns of it sends it, and the sweeper does if nobody did.

    Attributes:
        run_id: Of which run.
        unit: "ships" or "seen#17".
        stage: Which stage's queue it belongs to.
        priority: Which of that stage's queues.
        trace: W3C traceparent of who asked for the run.
        attempt: The number its next claim will have.
    """

    run_id: str
    unit: str
    stage: Stage
    priority: Priority
    trace: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Created:
    """A run that is recorded; `joined` says that the same request had made it before."""

    run_id: str
    joined: bool
    ready: tuple[ReadyUnit, ...]


@dataclass(frozen=True, slots=True)
class Produced:
    """How a step before this one ended; `version` tells its outputs from those of another time."""

    version: int
    skipped: bool


@dataclass(frozen=True, slots=True)
class UnitClaim:
    """The right to run one unit.

    Attributes:
        run_id: Of which run.
        unit: Which unit.
        step: Of which step, or `END`.
        item: Which item of it, from 0; None if it is no item.
        phase: "whole": the step. "items": its items are to be found. "item": one of them.
            "gather": they are done, what they gave is to be put together.
        task: Of the step.
        fence: Proves the right; a later claim has a higher one.
        attempt: How often the unit has been claimed, with this time.
        failures: How many of these failed by the unit's own doing.
        exhausted: It has been claimed too often: this claim is for giving it up.
        error: Of the last claim that failed.
        tenant: Whose run.
        definition_digest: Of the workflow's definition.
        priority: Of the step.
        retries: Of the step.
        in_flight: Most items at a time, of a step that fans out.
        remaining_s: Until the deadline of the unit, or of the run if that is nearer.
        run_remaining_s: Until the deadline of the run.
        produced: Steps that this one waits for, as they ended.
    """

    run_id: str
    unit: str
    step: str
    item: int | None
    phase: Phase
    task: str
    fence: int
    attempt: int
    failures: int
    exhausted: bool
    error: str
    tenant: str
    definition_digest: str
    priority: Priority
    retries: int
    in_flight: int
    remaining_s: float
    run_remaining_s: float
    produced: Mapping[str, Produced]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a unit may not run now."""

    reason: Refusal


@dataclass(frozen=True, slots=True)
class Swept:
    """What a due run needs: messages for `ready`, or its end since it is "late"."""

    action: Literal["send", "late", "over"]
    ready: tuple[ReadyUnit, ...] = ()


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as callers see it.

    Attributes:
        run_id: Its id.
        tenant: Whose it is.
        workflow_name: Of the workflow.
        version: Of the workflow; 0 for a definition given in place.
        state: "running", or how it ended.
        created_at_ms: When it was accepted, Unix time in ms.
        ended_at_ms: When it ended; None while it runs.
        deadline_at_ms: When it is given up.
        events: Number of its last event.
        fault: Why it did not succeed; None while it runs and if it did.
        outputs_json: JSON of outputs by name; "" in a list of runs, until it has succeeded, and
            once they have expired.
        definition_digest: "sha256:<hex>" of its definition.
    """

    run_id: str
    tenant: str
    workflow_name: str
    version: int
    state: RunState
    created_at_ms: int
    ended_at_ms: int | None
    deadline_at_ms: int
    events: int
    fault: Fault | None
    outputs_json: str
    definition_digest: str


@dataclass(frozen=True, slots=True)
class Page:
    """Runs, the newest first, and what to ask the next page by; "" if there is none."""

    runs: tuple[RunView, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of a run as callers see it.

    Attributes:
        step: Its name.
        task: What it does.
        state: "stopped" is a step the run ended in the middle of, or before.
        attempts: Claims of the step; of one that fans out, those that found its items.
        failures: Attempts that failed, those of its items included.
        items_total: Items that are run; None if that is not known or there are none ever.
        items_done: How many of them are done.
        started_at_ms: When somebody first worked on it, Unix time in ms.
        ended_at_ms: When it was done.
        error: Of the last attempt that failed; "" if none did.
    """

    step: str
    task: str
    state: StepState
    attempts: int
    failures: int
    items_total: int | None
    items_done: int
    started_at_ms: int | None
    ended_at_ms: int | None
    error: str
