"""The arguments of a step: what each is, and whether the task takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflow_language.compiler.literals import article, limit_fault, literal_fault
from workflow_language.compiler.plan import Argument, Condition, Constant, ListOf, TextOf, Use
from workflow_language.compiler.scope import Bounds, Scope
from workflow_language.diagnostics import Path, did_you_mean
from workflow_language.document import Json
from workflow_language.expressions.checking import check_condition
from workflow_language.expressions.parsing import BadCondition, parse_condition
from workflow_language.expressions.syntax import references_in
from workflow_language.references import NotAReference, Reference, Template, parse_text
from workflow_language.tasks.task import Parameter, Task
from workflow_language.value_types import (
    CONDITION,
    FIELD,
    REGION,
    REGION_FIELDS,
    SCALARS,
    TEXT,
    ValueType,
    accepts,
    depth_of,
    list_of,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """An argument with its type and how many items it can have."""

    argument: Argument
    type: ValueType
    bounds: Bounds


def check_arguments(
    scope: Scope, task: Task, given: Mapping[str, Json]
) -> dict[str, Checked] | None:
    """The arguments by parameter; None if one is at fault, which has been told."""
    known = [parameter.name for parameter in task.parameters]
    misspelt = [name for name in given if name not in known]
    for name in misspelt:
        message = f"{task.name} has no input {name[:60]}"
        scope.refuse("unknown_field", ("with", name), message, did_you_mean(name, known), True)
    sound = not misspelt
    checked: dict[str, Checked] = {}
    for parameter in task.parameters:
        path: Path = ("with", parameter.name)
        if parameter.name in given:
            argument = _argument(scope, parameter, given[parameter.name], path)
            sound = sound and argument is not None
            if argument is not None:
                checked[parameter.name] = argument
        elif parameter.required and not misspelt:
            advice = f"it is {parameter.doc}: {article(parameter.type)}"
            message = f"{task.name} needs {parameter.name}"
            scope.refuse("missing_input", path, message, advice)
            sound = False
    return checked if sound else None


def check_when(scope: Scope, text: str) -> Condition | None:
    """The condition of a step; None if it is at fault, which has been told."""
    return _condition(scope, text, {}, ("when",))


def check_value(scope: Scope, value: Json, wanted: ValueType, path: Path) -> Checked | None:
    """A value that must be of the wanted type; None if it is not, which has been told."""
    if isinstance(value, list):
        return _several(scope, value, wanted, path)
    if isinstance(value, str):
        meant = meaning(scope, value, path)
        if meant is None:
            return None
        if isinstance(meant, Reference):
            return _use(scope, meant, wanted, path)
        if isinstance(meant, Template):
            return _text(scope, meant, wanted, path)
        value = meant
    fault = literal_fault(value, wanted)
    if fault:
        scope.refuse("type_mismatch", path, fault, _advice_for(wanted))
        return None
    if isinstance(value, dict):
        return Checked(Constant(value), REGION, ())
    return Checked(Constant(value), wanted, (1,) * depth_of(wanted))


def meaning(scope: Scope, text: str, path: Path) -> str | Reference | Template | None:
    """What a text stands for; None if it is no reference but begins like one, which is told."""
    try:
        return parse_text(text)
    except NotAReference as error:
        scope.refuse("unknown_reference", path, str(error), "$$ is a dollar sign")
        return None


def _argument(scope: Scope, parameter: Parameter, value: Json, path: Path) -> Checked | None:
    if parameter.type in (CONDITION, FIELD) and not isinstance(value, str):
        fault = f"is not {article(parameter.type)}"
        scope.refuse("type_mismatch", path, fault, parameter.doc)
        return None
    if parameter.type == CONDITION:
        condition = _condition(scope, str(value), REGION_FIELDS, path)
        return Checked(condition, CONDITION, ()) if condition else None
    if parameter.type == FIELD:
        if value in REGION_FIELDS:
            return Checked(Constant(value), FIELD, ())
        message = f"regions have no field {str(value)[:60]!r}"
        scope.refuse("bad_value", path, message, did_you_mean(str(value), REGION_FIELDS))
        return None
    checked = check_value(scope, value, parameter.type, path)
    if checked is not None and isinstance(checked.argument, Constant):
        fault = limit_fault(checked.argument.value, parameter)
        if fault:
            scope.refuse("bad_value", path, fault)
            return None
    return checked


def _use(scope: Scope, reference: Reference, wanted: ValueType, path: Path) -> Checked | None:
    resolved = scope.resolve(reference, path)
    if resolved is None:
        return None
    use, typed = resolved
    if accepts(wanted, typed.type):
        return Checked(use, typed.type, typed.bounds)
    message = f"{reference} is {article(typed.type)}, not {article(wanted)}"
    several = typed.type.item is not None and accepts(wanted, typed.type.item)
    advice = "for_each takes one after the other" if several else _advice_for(wanted)
    scope.refuse("type_mismatch", path, message, advice)
    return None


def _text(scope: Scope, template: Template, wanted: ValueType, path: Path) -> Checked | None:
    if not accepts(wanted, TEXT):
        fault = f"is a text, not {article(wanted)}"
        scope.refuse("type_mismatch", path, fault, _advice_for(wanted))
        return None
    parts: list[str | Use] = []
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        resolved = scope.resolve(part, path)
        if resolved is None:
            return None
        if resolved[1].type not in SCALARS:
            message = f"{part} is {article(resolved[1].type)}, which has no words"
            scope.refuse("type_mismatch", path, message, "name a text, a number or a boolean")
            return None
        parts.append(resolved[0])
    return Checked(TextOf(tuple(parts)), TEXT, ())


def _several(scope: Scope, values: list[Json], wanted: ValueType, path: Path) -> Checked | None:
    items = wanted if wanted.item is None else wanted.item
    if wanted.item is None:
        scope.refuse("type_mismatch", path, f"is a list, not {article(wanted)}")
        return None
    checked = [
        check_value(scope, value, items, (*path, position)) for position, value in enumerate(values)
    ]
    sound = [each for each in checked if each is not None]
    if len(sound) < len(checked):
        return None
    kinds = {each.type for each in sound}
    kind = kinds.pop() if len(kinds) == 1 else items
    inner = [each.bounds for each in sound if each.bounds]
    most = tuple(
        None if None in level else max(bound for bound in level if bound is not None)
        for level in zip(*inner, strict=False)
    )
    return Checked(
        ListOf(tuple(each.argument for each in sound)), list_of(kind), (len(values), *most)
    )


def _condition(
    scope: Scope, text: str, fields: Mapping[str, ValueType], path: Path
) -> Condition | None:
    uses: dict[Reference, Use] = {}

    def type_of(reference: Reference) -> ValueType | None:
        resolved = scope.resolve(reference, path)
        if resolved is None:
            return None
        uses[reference] = resolved[0]
        return resolved[1].type

    try:
        expression = parse_condition(text)
        check_condition(expression, type_of, fields)
    except BadCondition as error:
        scope.refuse("bad_value", path, f"the condition {error}")
        return None
    return Condition(expression, uses) if len(uses) == len(set(references_in(expression))) else None


def _advice_for(wanted: ValueType) -> str:
    if wanted in SCALARS or wanted.item in SCALARS:
        return ""
    return f"name {article(wanted)} by a reference such as $scene"
