"""The types in a condition: what may be compared with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workflow_language.diagnostics import did_you_mean
from workflow_language.expressions.parsing import BadCondition
from workflow_language.expressions.syntax import (
    Comparison,
    Constant,
    Expression,
    Field,
    Joined,
    Literal,
    Not,
    written,
)
from workflow_language.references import Reference
from workflow_language.value_types import BOOLEAN, NUMBER, SCALARS, TEXT, ValueType, list_of

# None: not known, because of a fault that is told elsewhere.
TypeOf = Callable[[Reference], ValueType | None]
_ORDERED = frozenset({"<", "<=", ">", ">="})


def check_condition(
    expression: Expression, type_of: TypeOf, fields: Mapping[str, ValueType]
) -> None:
    """Refuses what is not true or false.

    Args:
        expression: the condition.
        type_of: of a reference.
        fields: names that may stand alone, with their types; empty for `when`.

    Raises:
        BadCondition: operands do not fit, or a name is unknown.
    """
    kind = _type(expression, type_of, fields)
    if kind not in (BOOLEAN, None):
        raise BadCondition(f"{written(expression)} is a {kind}, not true or false: compare it")


def _type(
    expression: Expression, type_of: TypeOf, fields: Mapping[str, ValueType]
) -> ValueType | None:
    match expression:
        case Literal(value):
            return _type_of_literal(value)
        case Reference():
            return type_of(expression)
        case Field(name):
            if name not in fields:
                raise BadCondition(_unknown_name(name, fields))
            return fields[name]
        case Not(of):
            check_condition(of, type_of, fields)
        case Joined(_, parts):
            for part in parts:
                check_condition(part, type_of, fields)
        case Comparison(operator, left, right):
            _check_operands(
                operator, _type(left, type_of, fields), _type(right, type_of, fields), expression
            )
    return BOOLEAN


def _check_operands(
    operator: str, left: ValueType | None, right: ValueType | None, whole: Expression
) -> None:
    if left is None or right is None:
        return
    if left not in SCALARS:
        raise BadCondition(f"{written(whole)}: a {left} cannot be compared")
    if operator == "in":
        fits = right == list_of(left)
    elif operator == "contains":
        fits = left == right == TEXT
    elif operator in _ORDERED:
        fits = left == right == NUMBER
    else:
        fits = left == right
    if not fits:
        raise BadCondition(f"{written(whole)}: a {left} {operator} a {right} cannot be")


def _type_of_literal(value: Constant | tuple[Constant, ...]) -> ValueType | None:
    if isinstance(value, tuple):
        kinds = {_type_of_literal(each) for each in value}
        if len(kinds) > 1:
            raise BadCondition(f"{written(Literal(value))} mixes types")
        item = kinds.pop() if kinds else None
        return list_of(item) if item is not None else None
    if isinstance(value, bool):
        return BOOLEAN
    return TEXT if isinstance(value, str) else NUMBER


def _unknown_name(name: str, fields: Mapping[str, ValueType]) -> str:
    if not fields:
        return f"{name} is no value: write ${name} for an input or a step, '{name}' for a text"
    return f"regions have no field {name}: {did_you_mean(name, fields)}"
