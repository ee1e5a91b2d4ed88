"""One step against what it uses: arguments, fan-out, condition, and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from workflow_language.compiler.arguments import Checked, check_arguments, check_when
from workflow_language.compiler.items import check_items
from workflow_language.compiler.plan import (
    Argument,
    Condition,
    Constant,
    FanOut,
    ListOf,
    PlannedStep,
    uses_in,
)
from workflow_language.compiler.scope import Bounds, Scope, Typed, Workspace, typed_as
from workflow_language.definition import Step
from workflow_language.diagnostics import Path
from workflow_language.document import Json
from workflow_language.tasks.task import Output, Parameter, Task
from workflow_language.value_types import MASK, MASKS, NUMBER, ValueType, innermost, list_of

LIMIT_RUNS = 20_000


def check_step(
    work: Workspace, step: Step, path: Path, after: tuple[str, ...], layer: int
) -> PlannedStep | None:
    """The step as it is run; None if something of it is at fault, which has been told."""
    task = work.tasks[step.id]
    scope = Scope(work, path, step.id)
    fan_out: FanOut | None = None
    over: Checked | None = None
    sound = True
    if step.for_each is not None:
        over = check_items(scope, step.for_each)
        fan_out = _fan_out(scope, step, over) if over else None
        sound = fan_out is not None
        scope = replace(scope, item_name=step.item, item=_item(over))
    arguments = check_arguments(scope, task, step.arguments)
    when = check_when(scope, step.when) if step.when else None
    if arguments is None or not sound or (step.when and when is None):
        return None
    outputs = _outputs(task, arguments, fan_out)
    work.outputs[step.id] = outputs
    of_item = when is not None and any(use.origin == "item" for use in when.uses.values())
    skippable = (when is not None and not of_item) or _takes_skippable(
        work, [each.argument for each in arguments.values()], fan_out, when
    )
    if skippable:
        work.skippable.add(step.id)
    return PlannedStep(
        id=step.id,
        task=task,
        arguments={name: each.argument for name, each in arguments.items()},
        after=after,
        layer=layer,
        fan_out=fan_out,
        when=when,
        when_of_item=of_item,
        skippable=skippable,
        policy=step.policy,
        outputs={name: typed.type for name, typed in outputs.items()},
    )


def _fan_out(scope: Scope, step: Step, over: Checked) -> FanOut | None:
    known = [bound for bound in (over.bounds[0], step.at_most) if bound is not None]
    if not known or over.type.item is None:
        message = "may have any number of items"
        advice = "say at_most: N in this step, or with the input"
        scope.refuse("unbounded_fan_out", ("for_each",), message, advice)
        return None
    limit = min(known)
    # Also where there can be no item at all, no executor shall wait for a place among none.
    in_flight = max(1, min(step.policy.in_flight, limit))
    return FanOut(over.argument, over.type.item, limit, in_flight)


def _item(over: Checked | None) -> Typed | None:
    if over is None or over.type.item is None:
        return None
    return Typed(over.type.item, over.bounds[1:])


def _outputs(
    task: Task, arguments: Mapping[str, Checked], fan_out: FanOut | None
) -> dict[str, Typed]:
    typed: dict[str, Typed] = {}
    for output in task.outputs:
        kind = _output_type(output, arguments)
        bounds: Bounds = typed_as(kind).bounds
        if bounds:
            bounds = (_most_items(task, output, arguments), *bounds[1:])
        if fan_out:
            kind, bounds = list_of(kind), (fan_out.limit, *bounds)
        typed[output.name] = Typed(kind, bounds)
    return typed


def _output_type(output: Output, arguments: Mapping[str, Checked]) -> ValueType:
    if output.follows not in arguments:
        return output.type
    found = innermost(arguments[output.follows].type)
    return MASKS if found in (MASK, MASKS) else output.type


def _most_items(task: Task, output: Output, arguments: Mapping[str, Checked]) -> int | None:
    limits: list[int | None] = []
    for limit in output.limited_by:
        if isinstance(limit, int):
            limits.append(limit)
            continue
        parameter = task.parameter(limit)
        if parameter is not None:
            limits.append(_limit_of(parameter, arguments.get(limit)))
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _limit_of(parameter: Parameter, given: Checked | None) -> int | None:
    """The most items a parameter allows: the number it is, or the items it holds."""
    if parameter.type != NUMBER:
        if given is None or None in given.bounds:
            return None
        return math.prod(bound for bound in given.bounds if bound is not None)
    value: Json = parameter.default
    if given is not None:
        known = given.argument.value if isinstance(given.argument, Constant) else None
        value = known if known is not None else parameter.maximum
    return int(value) if isinstance(value, int | float) else None


def _takes_skippable(
    work: Workspace, arguments: list[Argument], fan_out: FanOut | None, when: Condition | None
) -> bool:
    taken = [each for each in arguments if not isinstance(each, ListOf)]
    taken += [fan_out.over] if fan_out and not isinstance(fan_out.over, ListOf) else []
    taken += [when] if when else []
    return any(use.name in work.skippable for each in taken for use in uses_in(each))
