"""What `for_each` takes its items out of: a value that holds some, or a list written out."""

from __future__ import annotations

from workflow_language.compiler.arguments import Checked, check_value, meaning
from workflow_language.compiler.literals import article
from workflow_language.compiler.scope import Scope
from workflow_language.diagnostics import Path
from workflow_language.document import Json
from workflow_language.references import Reference
from workflow_language.value_types import NUMBER, REGION, TEXT, ValueType, list_of

_PATH: Path = ("for_each",)


def check_items(scope: Scope, for_each: Json) -> Checked | None:
    """What holds the items; None if nothing does, which has been told."""
    if isinstance(for_each, list):
        return _written_items(scope, for_each)
    meant = meaning(scope, for_each, _PATH) if isinstance(for_each, str) else for_each
    if meant is None:
        return None
    if not isinstance(meant, Reference):
        advice = "name a value with items, such as $tiles, or write a list"
        scope.refuse("type_mismatch", _PATH, "holds no items", advice)
        return None
    resolved = scope.resolve(meant, _PATH)
    if resolved is None:
        return None
    use, typed = resolved
    if typed.type.item is None:
        message = f"{meant} is {article(typed.type)}, which holds no items"
        scope.refuse("type_mismatch", _PATH, message, "leave for_each out to run the step once")
        return None
    return Checked(use, typed.type, typed.bounds)


def _written_items(scope: Scope, values: list[Json]) -> Checked | None:
    if not values:
        scope.refuse("bad_value", _PATH, "is an empty list: the step would never run")
        return None
    kind = _type_of_first(scope, values[0])
    return check_value(scope, values, list_of(kind), _PATH) if kind else None


def _type_of_first(scope: Scope, first: Json) -> ValueType | None:
    """No parameter says what the items of such a list are: its first item does."""
    path: Path = (*_PATH, 0)
    if isinstance(first, str):
        meant = meaning(scope, first, path)
        if isinstance(meant, Reference):
            resolved = scope.resolve(meant, path)
            return resolved[1].type if resolved else None
        return TEXT if meant is not None else None
    if isinstance(first, dict):
        return REGION
    return NUMBER
