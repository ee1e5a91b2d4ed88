"""The tree of a condition; parentheses leave no trace in it.

    either     = both ("or" both)*
    both       = negated ("and" negated)*
    negated    = "not" negated | comparison
    comparison = operand [("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "in") operand]
    operand    = number | text | "true" | "false" | reference | field | list | "(" either ")"

A field is the bare name of what a filter's region has.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from workflow_language.references import Reference

Constant = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out; a tuple for a list."""

    value: Constant | tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the region a filter looks at."""

    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and what is asked of them."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Joined:
    """All (`and`) or any (`or`) of two or more."""

    operator: str
    parts: tuple[Expression, ...]


Expression = Literal | Field | Reference | Comparison | Not | Joined


def references_in(expression: Expression) -> tuple[Reference, ...]:
    """The values it needs, in the order in which they are written."""
    match expression:
        case Reference():
            return (expression,)
        case Comparison(_, left, right):
            return references_in(left) + references_in(right)
        case Not(of):
            return references_in(of)
        case Joined(_, parts):
            return tuple(found for part in parts for found in references_in(part))
        case _:
            return ()


def written(expression: Expression) -> str:
    """The condition as text that reads back as the same tree."""
    match expression:
        case Literal(value):
            return _literal(value)
        case Field(name):
            return name
        case Comparison(operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
        case Not(of):
            return f"(not {written(of)})"
        case Joined(operator, parts):
            return "(" + f" {operator} ".join(map(written, parts)) + ")"
        case Reference():
            return str(expression)


def _literal(value: Constant | tuple[Constant, ...]) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        quote = '"' if "'" in value else "'"
        return f"{quote}{value}{quote}"
    # Never with an exponent, which conditions do not have.
    return format(Decimal(repr(value)), "f")
