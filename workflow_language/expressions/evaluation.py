"""Whether a condition holds.

What is not known (a region without a label, a scene without a place on Earth) is None: a comparison
with it does not hold, whichever way round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from workflow_language.expressions.syntax import (
    Comparison,
    Constant,
    Expression,
    Field,
    Joined,
    Literal,
    Not,
)
from workflow_language.references import Reference

Value = Constant | Sequence[Constant] | None
ValueOf = Callable[[Reference], Value]


def holds(expression: Expression, value_of: ValueOf, fields: Mapping[str, Value]) -> bool:
    """True if the condition, checked before (`check_condition`), holds.

    Args:
        expression: the condition.
        value_of: of a reference; None where it is not known.
        fields: values of the names that stand alone; a missing one is not known.
    """
    match expression:
        case Joined("and", parts):
            return all(holds(part, value_of, fields) for part in parts)
        case Joined(_, parts):
            return any(holds(part, value_of, fields) for part in parts)
        case Not(of):
            return not holds(of, value_of, fields)
        case Comparison(operator, left, right):
            return _compared(
                operator, _value(left, value_of, fields), _value(right, value_of, fields)
            )
        case _:
            return _value(expression, value_of, fields) is True


def _value(expression: Expression, value_of: ValueOf, fields: Mapping[str, Value]) -> Value:
    match expression:
        case Literal(value):
            return value
        case Reference():
            return value_of(expression)
        case Field(name):
            return fields.get(name)
        case _:
            return holds(expression, value_of, fields)


def _compared(operator: str, left: Value, right: Value) -> bool:
    if left is None or right is None:
        return False
    match operator, left, right:
        case "==", _, _:
            return left == right
        case "!=", _, _:
            return left != right
        case "contains", str(), str():
            return right.casefold() in left.casefold()
        case "in", str() | int() | float(), list() | tuple():
            return left in right
        case _, int() | float(), int() | float():
            return _ordered(operator, left, right)
    return False


def _ordered(operator: str, left: float, right: float) -> bool:
    if operator == "<":
        return left < right
    if operator == "<=":
        return left <= right
    return left > right if operator == ">" else left >= right
