"""The steps of a plan as a run needs them: what waits for what, which queue, which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.rpc_context import Priority
from shared.workflow_runs.views import END, Stage
from workflow_language.compiler.plan import Plan, PlannedStep

# Tasks of the model that end in the mask decoder's outlines; the others end in words.
OUTLINING = frozenset({"segment", "segment_regions", "grounded_caption"})
END_RETRIES = 10
END_DEADLINE_MS = 120_000


@dataclass(frozen=True, slots=True)
class GraphStep:
    """One step.

    Attributes:
        task: What it does.
        after: Steps it waits for.
        fan_out: Whether it runs once for each of its items.
        in_flight: Most items at a time.
        stage: Whose queue its units go through.
        priority: Which of the stage's queues.
        retries: Further attempts of a unit that failed for a passing reason.
        deadline_ms: For a unit, all attempts together.
    """

    task: str
    after: tuple[str, ...]
    fan_out: bool
    in_flight: int
    stage: Stage
    priority: Priority
    retries: int
    deadline_ms: int


Graph = Mapping[str, GraphStep]


def graph_of(plan: Plan) -> dict[str, GraphStep]:
    """The plan's steps, and `END` after all of them."""
    graph = {step.id: _graph_step(step) for step in plan.steps}
    waited_for = {name for step in plan.steps for name in step.after}
    # It waits for what the outputs read, so that the claim says which version that is of.
    read = {use.name for use in plan.outputs.values()}
    last = tuple(step.id for step in plan.steps if step.id not in waited_for or step.id in read)
    return graph | {END: end_after(last)}


def end_after(last: tuple[str, ...]) -> GraphStep:
    """The unit that ends the run once the steps `last` are done."""
    return GraphStep(
        "", last, False, 1, "orchestrator", "interactive", END_RETRIES, END_DEADLINE_MS
    )


def _graph_step(step: PlannedStep) -> GraphStep:
    policy = step.policy
    return GraphStep(
        task=step.task.name,
        after=step.after,
        fan_out=step.fan_out is not None,
        in_flight=step.fan_out.in_flight if step.fan_out else 1,
        stage=_stage(step),
        priority=policy.priority,
        retries=policy.retries,
        deadline_ms=round(policy.deadline_s * 1000),
    )


def _stage(step: PlannedStep) -> Stage:
    if not step.task.model:
        return "orchestrator"
    return "mask_decoder" if step.task.name in OUTLINING else "reasoner"
