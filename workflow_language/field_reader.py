"""Reads the fields of one mapping of a document; each fault is kept, with its place and step."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workflow_language.definition import ITEM
from workflow_language.diagnostics import (
    Code,
    Diagnostic,
    Path,
    WorkflowInvalid,
    did_you_mean,
    written,
)
from workflow_language.document import Document, Json
from workflow_language.references import NAME

LIMIT_TEXT = 8192
# Nobody reads more at once, and each costs a search for the nearest name.
LIMIT_FAULTS = 100


class Refusals:
    """The faults of one document."""

    def __init__(self, document: Document) -> None:
        """None so far."""
        self._document = document
        self.found: list[Diagnostic] = []

    def add(
        self,
        code: Code,
        path: Path,
        message: str,
        advice: str = "",
        step: str = "",
        at_key: bool = False,
    ) -> None:
        """Adds one; `path` is from the root, and told from the step on where it lies in one.

        Raises:
            WorkflowInvalid: there are `LIMIT_FAULTS` of them: no more are looked for.
        """
        place = self._document.key_place(path) if at_key else self._document.place(path)
        within = path[2:] if path[:1] == ("steps",) and len(path) > 1 else path
        self.found.append(
            Diagnostic(code, message, advice, step, written(within), place.line, place.column)
        )
        if len(self.found) >= LIMIT_FAULTS:
            raise WorkflowInvalid(self.found)


class FieldReader:
    """The fields of the mapping at `path`; what is not as it should be is refused and left out."""

    def __init__(self, document: Document, path: Path, refusals: Refusals) -> None:
        """Refuses what is no mapping."""
        self.document = document
        self.path = path
        self.refusals = refusals
        self.step = ""
        value = _at(document.value, path)
        self._fields: dict[str, Json] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict) and (value is not None or not path):
            self.refuse("bad_value", path, f"is {kind_of(value)}, not fields with values")

    def refuse(
        self, code: Code, path: Path, message: str, advice: str = "", at_key: bool = False
    ) -> None:
        """Adds a fault at a path from the root."""
        self.refusals.add(code, path, message, advice, self.step, at_key)

    def only(self, known: Sequence[str]) -> None:
        """Refuses fields of other names, and those without a value."""
        for name, value in self._fields.items():
            if name in known and value is None:
                advice = "leave it out, or give it a value"
                self.refuse("bad_value", (*self.path, name), "is empty", advice)
            elif name not in known:
                message = f"there is no field {name[:60]}"
                path = (*self.path, name)
                self.refuse("unknown_field", path, message, did_you_mean(name, known), at_key=True)

    def inside(self, name: str) -> FieldReader:
        """The fields of a field; none if it is not there."""
        return FieldReader(self.document, (*self.path, name), self.refusals)

    def said(self, name: str) -> str:
        """The text of a field if it has one; nothing is refused."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else ""

    def value(self, name: str) -> Json:
        """Whatever the field has; None if it is not there."""
        return self._fields.get(name)

    def text(
        self, name: str, required: bool = False, pattern: str = "", choices: Sequence[str] = ()
    ) -> str:
        """A text; empty if it is not there or refused."""
        value = self._present(name, required)
        if value is None:
            return ""
        path = (*self.path, name)
        if not isinstance(value, str):
            advice = "put it in quotes" if not isinstance(value, list | dict) else ""
            self.refuse("bad_value", path, f"is {kind_of(value)}, not a text", advice)
        elif len(value) > LIMIT_TEXT:
            self.refuse("limit", path, f"has {len(value):,} characters, more than {LIMIT_TEXT:,}")
        elif required and not value:
            self.refuse("bad_value", path, "is empty")
        elif choices and value not in choices:
            self.refuse("bad_value", path, f"is {value[:60]!r}", f"one of {', '.join(choices)}")
        elif pattern and not re.fullmatch(pattern, value):
            advice = "a small letter, then at most 62 small letters, digits, - and _"
            self.refuse("bad_value", path, f"{value[:80]!r} is no name", advice)
        else:
            return value
        return ""

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number; None if it is not there or refused."""
        value = self._present(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        said = f"is {kind_of(value)}" if not isinstance(value, int | float) else f"is {value}"
        self.refuse(
            "bad_value", (*self.path, name), said, f"a whole number from {least} to {most:,}"
        )
        return None

    def mapping(self, name: str, limit: int, required: bool = False) -> dict[str, Json]:
        """A mapping of at most `limit` members; empty if it is not there or refused."""
        value = self._present(name, required)
        if value is None:
            return {}
        path = (*self.path, name)
        if not isinstance(value, dict):
            self.refuse("bad_value", path, f"is {kind_of(value)}, not fields with values")
            return {}
        if len(value) > limit:
            self.refuse("limit", path, f"has {len(value)} fields, more than {limit}")
        elif required and not value:
            self.refuse("bad_value", path, "is empty")
        return value if len(value) <= limit else {}

    def items(self, name: str, limit: int, required: bool = False) -> list[Json]:
        """A list of at most `limit` items; empty if it is not there or refused."""
        value = self._present(name, required)
        if value is None:
            return []
        path = (*self.path, name)
        if not isinstance(value, list):
            self.refuse("bad_value", path, f"is {kind_of(value)}, not a list")
            return []
        if len(value) > limit:
            self.refuse("limit", path, f"has {len(value)} items, more than {limit}")
        elif required and not value:
            self.refuse("bad_value", path, "is empty")
        return value if len(value) <= limit else []

    def _present(self, name: str, required: bool = False) -> Json:
        value = self._fields.get(name)
        if required and name not in self._fields:
            self.refuse("missing_field", (*self.path, name), "is not there", f"say {name}: ...")
        return value


def kind_of(value: Json) -> str:
    """What a value is, for people."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
    return "fields with values"


def name_fault(name: str) -> str:
    """What is wrong with a name of an input, step, item or output; empty if nothing is."""
    if not re.fullmatch(NAME, name):
        return f"{name[:80]!r} is no name: a small letter, then small letters, digits and _"
    return f"{ITEM} is what for_each gives: choose another name" if name == ITEM else ""


def _at(value: Json, path: Path) -> Json:
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return None
    return value
