"""Typed access to a task's arguments, whose types the compiler has checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from workflow_language.expressions import evaluation
from workflow_language.expressions.syntax import Expression
from workflow_language.references import Reference
from workflow_language.region_sets import Region
from workflow_language.values import SceneView, Value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BoundCondition:
    """A condition on regions, with the values it names; what is not known is None."""

    expression: Expression
    known: Mapping[Reference, Value | None]

    def value_of(self, reference: Reference) -> evaluation.Value:
        """What the reference stands for."""
        # The compiler lets only scalars, and lists of them, into conditions.
        return cast(evaluation.Value, self.known[reference])


ArgumentValue = Value | BoundCondition
Arguments = Mapping[str, ArgumentValue]


def view_in(arguments: Arguments, name: str) -> SceneView:
    """A scene, or a part of one."""
    return _of(SceneView, arguments[name])


def text_in(arguments: Arguments, name: str) -> str:
    """A text."""
    return _of(str, arguments[name])


def texts_in(arguments: Arguments, name: str) -> tuple[str, ...]:
    """Texts; none where they are not given."""
    return tuple(_of(str, each) for each in _of(tuple, arguments.get(name, ())))


def number_in(arguments: Arguments, name: str) -> float:
    """A number."""
    value = arguments[name]
    assert isinstance(value, int | float)
    return value


def whole_in(arguments: Arguments, name: str) -> int:
    """A number without a fraction."""
    return int(number_in(arguments, name))


def flag_in(arguments: Arguments, name: str) -> bool:
    """True or false."""
    return _of(bool, arguments[name])


def region_in(arguments: Arguments, name: str) -> Region:
    """One region."""
    return _of(Region, arguments[name])


def regions_in(arguments: Arguments, name: str) -> tuple[Region, ...]:
    """All regions, out of however many lists; none where they are not given."""
    return tuple(_regions_of(arguments.get(name, ())))


def _regions_of(value: object) -> Iterator[Region]:
    if isinstance(value, tuple):
        for each in value:
            yield from _regions_of(each)
    else:
        yield _of(Region, value)


def _of(kind: type[T], value: object) -> T:
    assert isinstance(value, kind), f"a {type(value).__name__} where a {kind.__name__} must be"
    return value
