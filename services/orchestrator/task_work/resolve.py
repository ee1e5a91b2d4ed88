"""Arguments, items and outputs of a planned step, from the values of its run.

What is not known (the label of a region without one) is left out of lists, makes a comparison
false, and else leaves a parameter at its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.orchestrator.task_work.arguments import Arguments, ArgumentValue, BoundCondition
from shared.errors import InvalidInput
from workflow_language.compiler.literals import limit_fault
from workflow_language.compiler.plan import (
    Argument,
    Condition,
    Constant,
    ListOf,
    Plan,
    PlannedStep,
    TextOf,
    Use,
    uses_in,
)
from workflow_language.expressions.evaluation import holds
from workflow_language.tasks.task import Parameter
from workflow_language.value_json import NotOfType
from workflow_language.value_types import ANY, SCALARS, ValueType, list_of
from workflow_language.values import SceneView, Value, field_of
from workflow_language.written_values import image_ids_in, read_written


@dataclass(frozen=True)
class ValuesOfRun:
    """What is known of a run so far.

    Attributes:
        inputs: by name.
        outputs: by step, its outputs by name; None where the step was skipped. Where it has
            `for_each`, each output is the tuple of the items', those left out left out.
        scenes: of the images whose ids are written in steps (`written_images`).
    """

    inputs: Mapping[str, Value]
    outputs: Mapping[str, Mapping[str, Value] | None]
    scenes: Mapping[str, SceneView] = field(default_factory=dict)


def written_images(step: PlannedStep) -> frozenset[str]:
    """Ids of the images that are written out in the step's arguments."""
    wanted = [
        (argument, parameter.type)
        for parameter in step.task.parameters
        if (argument := step.arguments.get(parameter.name)) is not None
    ]
    if step.fan_out:
        wanted.append((step.fan_out.over, list_of(step.fan_out.item_type)))
    return frozenset(id_ for argument, kind in wanted for id_ in _images_of(argument, kind))


def is_wanted(step: PlannedStep, values: ValuesOfRun, item: Value | None = None) -> bool:
    """False if the step, or its item, is skipped.

    A step is skipped where it takes a value of a skipped one, or its `when` does not hold. Ask it
    without an item once, and, where `when_of_item`, with each item.
    """
    taken: list[Argument] = [each for each in step.arguments.values()]
    taken += [step.fan_out.over] if step.fan_out else []
    taken += [step.when] if step.when else []
    for argument in taken:
        # In a list, what was skipped is left out.
        if not isinstance(argument, ListOf) and any(
            _is_skipped(u, values) for u in uses_in(argument)
        ):
            return False
    if step.when is None or (step.when_of_item and item is None):
        return True
    condition = _bound(step.when, values, item)
    return holds(condition.expression, condition.value_of, {})


def items_of(step: PlannedStep, values: ValuesOfRun) -> tuple[Value, ...]:
    """What the step runs for, one after the other.

    Raises:
        InvalidInput: There are more than the step allows.
    """
    assert step.fan_out is not None
    over = step.fan_out.over
    wanted = over.type if isinstance(over, Use) else list_of(step.fan_out.item_type)
    items = _resolved(over, wanted, values, None)
    assert isinstance(items, tuple)
    if len(items) > step.fan_out.limit:
        raise InvalidInput(
            f"step {step.id} has {len(items)} items",
            field=f"steps.{step.id}.for_each",
            limit=f"{step.fan_out.limit} items",
        )
    return items


def arguments_of(step: PlannedStep, values: ValuesOfRun, item: Value | None = None) -> Arguments:
    """The arguments by parameter; those not given have their default, or are not there.

    Raises:
        InvalidInput: A value is beyond what the task takes, or one it needs is not known.
    """
    arguments: dict[str, ArgumentValue] = {}
    for parameter in step.task.parameters:
        argument = step.arguments.get(parameter.name)
        value = None if argument is None else _resolved(argument, parameter.type, values, item)
        if value is None and parameter.default is not None:
            value = read_written(parameter.default, parameter.type, {})
        if value is not None:
            _check_limits(step, parameter, value)
            arguments[parameter.name] = value
        elif parameter.required:
            raise InvalidInput(
                f"step {step.id}: {parameter.name} is not known", field=_path(step, parameter)
            )
    return arguments


def outputs_of(plan: Plan, values: ValuesOfRun) -> dict[str, Value]:
    """What the run gives, by name; what was skipped is not there."""
    read = {name: _read(use, values, None) for name, use in plan.outputs.items()}
    return {name: value for name, value in read.items() if value is not None}


def fitted(value: Value, given: ValueType, wanted: ValueType) -> Value:
    """A value where `accepts(wanted, given)`: one becomes several where several are wanted."""
    if wanted in (ANY, given) or wanted.item is None:
        return value
    if given.item is None or (given.name != "list" and wanted.name == "list"):
        return (fitted(value, given, wanted.item),)
    assert isinstance(value, tuple)
    inner, wanted_inner = given.item, wanted.item
    return tuple(fitted(each, inner, wanted_inner) for each in value)


def _resolved(
    argument: Argument, wanted: ValueType, values: ValuesOfRun, item: Value | None
) -> ArgumentValue | None:
    match argument:
        case Constant(json):
            try:
                return read_written(json, wanted, values.scenes)
            except NotOfType as error:
                raise InvalidInput(f"a value that is written out {error}", field="steps") from None
        case Use():
            value = _read(argument, values, item)
            return None if value is None else fitted(value, argument.type, wanted)
        case TextOf(parts):
            if any(isinstance(part, Use) and _is_skipped(part, values) for part in parts):
                return None
            text = "".join(
                part if isinstance(part, str) else in_words(_read(part, values, item))
                for part in parts
            )
            return (text,) if wanted.item is not None else text
        case ListOf(items):
            kind = wanted.item or wanted
            found = [_resolved(each, kind, values, item) for each in items]
            return tuple(
                each for each in found if each is not None and not isinstance(each, BoundCondition)
            )
        case Condition():
            return _bound(argument, values, item)


def in_words(value: Value | None) -> str:
    """A text, number or boolean as it stands in a text."""
    match value:
        case None:
            return "not known"
        case bool():
            return "true" if value else "false"
        case float() if value != 0 and abs(value) < 0.001:
            return f"{value:.3g}"
        case float():
            return f"{value:.4f}".rstrip("0").rstrip(".")
        case _:
            return str(value)


def _read(use: Use, values: ValuesOfRun, item: Value | None) -> Value | None:
    value: Value | None
    match use.origin:
        case "input":
            value = values.inputs[use.name]
        case "item":
            value = item
        case "step":
            outputs = values.outputs[use.name]
            value = None if outputs is None else outputs[use.output]
    for name in use.fields:
        value = None if value is None else field_of(value, name)
    return value


def _is_skipped(use: Use, values: ValuesOfRun) -> bool:
    return use.origin == "step" and values.outputs[use.name] is None


def _bound(condition: Condition, values: ValuesOfRun, item: Value | None) -> BoundCondition:
    known = {reference: _read(use, values, item) for reference, use in condition.uses.items()}
    return BoundCondition(condition.expression, known)


def _check_limits(step: PlannedStep, parameter: Parameter, value: ArgumentValue) -> None:
    if parameter.type not in SCALARS or not isinstance(value, str | int | float):
        return
    if fault := limit_fault(value, parameter):
        raise InvalidInput(
            f"step {step.id}: {parameter.name} {fault}", field=_path(step, parameter)
        )


def _path(step: PlannedStep, parameter: Parameter) -> str:
    return f"steps.{step.id}.with.{parameter.name}"


def _images_of(argument: Argument, wanted: ValueType) -> frozenset[str]:
    match argument:
        case Constant(json):
            return frozenset(image_ids_in(json, wanted))
        case ListOf(items):
            kind = wanted.item or wanted
            return frozenset(id_ for each in items for id_ in _images_of(each, kind))
    return frozenset()
