"""Which inputs and steps a step takes values of, before anything is known of types."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from workflow_language.definition import Step
from workflow_language.diagnostics import Path
from workflow_language.document import Json
from workflow_language.expressions.parsing import BadCondition, parse_condition
from workflow_language.expressions.syntax import references_in
from workflow_language.references import NotAReference, Reference, Template, parse_text
from workflow_language.tasks.task import Task
from workflow_language.value_types import CONDITION

# By step: names of the inputs and steps it takes values of, each with the field that says so.
Needs = Mapping[str, Sequence[tuple[str, Path]]]


def dependencies(
    step: Step, task: Task | None, names: Container[str]
) -> Iterator[tuple[str, Path]]:
    """Inputs and steps of which a step takes values, each with the field that says so.

    Args:
        step: the one.
        task: its task; None if there is none such, and then no condition in `with` is known.
        names: of all inputs and steps.
    """
    conditions = {each.name for each in task.parameters if each.type == CONDITION} if task else ()
    found: list[tuple[Reference, Path]] = []
    for name, value in step.arguments.items():
        path: Path = ("with", name)
        found += _in_condition(value, path) if name in conditions else _in_value(value, path)
    found += _in_value(step.for_each, ("for_each",))
    found += _in_condition(step.when, ("when",))
    for reference, path in found:
        hidden = step.for_each is not None and reference.name == step.item
        if reference.name in names and not hidden:
            yield reference.name, path


def _in_value(value: Json, path: Path) -> Iterator[tuple[Reference, Path]]:
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _in_value(item, (*path, position))
    elif isinstance(value, str):
        try:
            meant = parse_text(value)
        except NotAReference:
            return
        if isinstance(meant, Reference):
            yield meant, path
        elif isinstance(meant, Template):
            yield from ((reference, path) for reference in meant.references)


def _in_condition(value: Json, path: Path) -> Iterator[tuple[Reference, Path]]:
    if isinstance(value, str) and value:
        try:
            yield from ((reference, path) for reference in references_in(parse_condition(value)))
        except BadCondition:
            return
