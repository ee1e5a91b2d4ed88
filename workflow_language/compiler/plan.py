"""What the compiler makes: everything an executor needs, with nothing left to find out.

Skipping. A step whose `when` does not hold is skipped, and so is one that takes a value of a
skipped step; in a list, what was skipped is left out. With `for_each`, a `when` that names the item
leaves out items, and their outputs are not in the lists of outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workflow_language.definition import Definition, Policy
from workflow_language.document import Json
from workflow_language.expressions.syntax import Expression
from workflow_language.references import Reference
from workflow_language.tasks.task import Task
from workflow_language.value_types import ValueType


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the definition, dollar signs unescaped."""

    value: Json


@dataclass(frozen=True, slots=True)
class Use:
    """A value that is there when the step runs.

    Attributes:
        origin: of an input of the workflow, of a step's output, or the item of `for_each`.
        name: of the input or the step; empty for the item.
        output: which output of the step; else empty.
        fields: what is read of the value, from the outside in.
        type: of what is read.
    """

    origin: Literal["input", "step", "item"]
    name: str
    output: str
    fields: tuple[str, ...]
    type: ValueType


@dataclass(frozen=True, slots=True)
class TextOf:
    """A text in which values are put where they stand."""

    parts: tuple[str | Use, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """Several values; those of skipped steps are left out."""

    items: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition and the values it needs: `expressions.evaluation.holds` decides it."""

    expression: Expression
    uses: Mapping[Reference, Use]


Argument = Constant | Use | TextOf | ListOf | Condition


@dataclass(frozen=True, slots=True)
class FanOut:
    """One run an item.

    Attributes:
        over: what the items are taken out of.
        item_type: their type.
        limit: more items than that fail the step; 0 where there can be none.
        in_flight: so many at a time, at least 1.
    """

    over: Argument
    item_type: ValueType
    limit: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step.

    Attributes:
        id: its name.
        task: what it does.
        arguments: by parameter; those not given have their default, or are not there.
        after: steps it waits for, in the order of the plan.
        layer: 0 for those that wait for none, else one more than the last of `after`.
        fan_out: how often it runs; None for once.
        when: it is skipped where this does not hold; None for never.
        when_of_item: `when` is asked for each item, not once.
        skippable: it may be skipped as a whole.
        policy: retries, deadline, priority.
        outputs: by name, their types; lists where it fans out.
    """

    id: str
    task: Task
    arguments: Mapping[str, Argument]
    after: tuple[str, ...]
    layer: int
    fan_out: FanOut | None
    when: Condition | None
    when_of_item: bool
    skippable: bool
    policy: Policy
    outputs: Mapping[str, ValueType]

    @property
    def uses(self) -> tuple[Use, ...]:
        """Every value it needs, wherever it stands."""
        arguments: list[Argument] = list(self.arguments.values())
        arguments += [self.fan_out.over] if self.fan_out else []
        arguments += [self.when] if self.when else []
        return tuple(use for argument in arguments for use in uses_in(argument))

    @property
    def most_runs(self) -> int:
        """How often it runs at most."""
        return self.fan_out.limit if self.fan_out else 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow that may be run.

    Attributes:
        definition: what it was made from.
        steps: each after those it waits for; else in the order in which they are written.
        outputs: by name, what they are.
    """

    definition: Definition
    steps: tuple[PlannedStep, ...]
    outputs: Mapping[str, Use]

    @property
    def most_runs(self) -> int:
        """Runs of all steps at most."""
        return sum(step.most_runs for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """What people ask of a plan, as JSON values."""
        return {
            "workflow": self.definition.name,
            "inputs": {name: str(each.type) for name, each in self.definition.inputs.items()},
            "steps": [_step_json(step) for step in self.steps],
            "outputs": {name: str(use.type) for name, use in self.outputs.items()},
            "most_runs": self.most_runs,
        }


def uses_in(argument: Argument) -> tuple[Use, ...]:
    """Every value an argument needs."""
    match argument:
        case Use():
            return (argument,)
        case TextOf(parts):
            return tuple(part for part in parts if isinstance(part, Use))
        case ListOf(items):
            return tuple(use for item in items for use in uses_in(item))
        case Condition(_, uses):
            return tuple(uses.values())
        case Constant():
            return ()


def _step_json(step: PlannedStep) -> dict[str, Any]:
    return {
        "id": step.id,
        "task": step.task.name,
        "after": list(step.after),
        "most_runs": step.most_runs,
        "in_flight": step.fan_out.in_flight if step.fan_out else 1,
        "skippable": step.skippable,
        "retries": step.policy.retries,
        "deadline_s": step.policy.deadline_s,
        "priority": step.policy.priority,
        "outputs": {name: str(kind) for name, kind in step.outputs.items()},
    }
