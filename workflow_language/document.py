"""From YAML or JSON text to a tree of values that know their places.

Only what both notations have: mappings with text keys, lists, text, numbers, true, false and null.
Anchors, aliases, tags and several documents in one file are refused, so nothing can be larger in
memory than in the file; size, depth and number of values are limited before they cost anything.
Plain scalars are read as YAML 1.2's core schema does (https://yaml.org/spec/1.2.2/#103-core-schema,
without octal, hexadecimal and infinite numbers): `no` and `12:30` are text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from workflow_language.diagnostics import Code, Diagnostic, Path, Place, WorkflowInvalid, written

Scalar = str | int | float | bool | None
Json = Scalar | list["Json"] | dict[str, "Json"]

LIMIT_BYTES = 65_536
LIMIT_DEPTH = 12
LIMIT_VALUES = 10_000
# Beyond it a number is no longer exact as JSON (RFC 8259, section 6).
LIMIT_NUMBER = 2**53
_STANDARD_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")
# Control characters, halves of surrogate pairs, and what XML 1.0 cannot hold.
_NO_TEXT = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff]")
_WORDS: dict[str, bool | None] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "~": None,
    "": None,
}


@dataclass(frozen=True)
class Document:
    """What a text says.

    Attributes:
        value: the root.
        places: where each value stands, by path.
        key_places: where the key of each member of a mapping stands, by the member's path.
    """

    value: Json
    places: dict[Path, Place]
    key_places: dict[Path, Place]

    def place(self, path: Path) -> Place:
        """Where the value stands; that of the nearest value around it if it is not in the text."""
        return _nearest(self.places, path)

    def key_place(self, path: Path) -> Place:
        """Where the member's key stands; for items of a list, where the item does."""
        return self.key_places.get(path) or self.place(path)


def exact_number(number: float) -> int | float | None:
    """A whole number as `int`: 1024.0 and 1024 are one value, as in JSON. None if too large."""
    if not math.isfinite(number) or abs(number) > LIMIT_NUMBER:
        return None
    return int(number) if float(number).is_integer() else number


def text_fault(text: str) -> str:
    """Why a text may not be in a workflow; empty if it may."""
    odd = _NO_TEXT.search(text)
    return f"has a character that text may not have (U+{ord(odd[0]):04X})" if odd else ""


def read_document(text: str | bytes) -> Document:
    """Reads YAML or JSON.

    Raises:
        WorkflowInvalid: it is neither, or something a workflow may not have, or too large.
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        size_bytes = len(decoded.encode())
    except UnicodeError:
        raise _refused("syntax", "the file is not UTF-8 text", Place(1, 1)) from None
    if size_bytes > LIMIT_BYTES:
        message = f"the file has {size_bytes:,} bytes, more than {LIMIT_BYTES:,}"
        raise _refused("limit", message, Place(1, 1), "split the workflow, or shorten its texts")
    try:
        return _Reader(yaml.parse(_spaced(decoded), Loader=yaml.BaseLoader)).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        said = error.problem or error.context or "cannot be read"
        advice = "indent with spaces" if r"'\t'" in said else "is a quote or bracket open?"
        raise _refused("syntax", f"is neither YAML nor JSON: {said}", place, advice) from None
    except yaml.reader.ReaderError as error:
        before = decoded[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = f"has a character that text may not have (U+{ord(decoded[error.position]):04X})"
        raise _refused("syntax", message, place) from None


def _spaced(text: str) -> str:
    """JSON may be indented with tabs, which YAML refuses; its strings hold none as they are."""
    if text.lstrip().startswith("{") and "\t" in text:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return text
        return text.replace("\t", " ")
    return text


class _Reader:
    """Builds the tree from the parser's events, without recursion."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._places: dict[Path, Place] = {}
        self._key_places: dict[Path, Place] = {}
        self._count = 0

    def read(self) -> Document:
        """The whole text, which must be one document."""
        root: list[Json] = []
        # Around the value being read: the container, its path, and the key that waits for a value.
        open_: list[tuple[list[Json] | dict[str, Json], Path, str | None]] = [(root, (), None)]
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refused("syntax", "a second document begins", _place(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                open_.pop()
            elif isinstance(event, yaml.NodeEvent):
                self._take(event, open_)
        if not root:
            raise _refused("syntax", "the file is empty", Place(1, 1), "docs/workflows.md begins")
        return Document(root[0], self._places, self._key_places)

    def _take(
        self,
        event: yaml.NodeEvent,
        open_: list[tuple[list[Json] | dict[str, Json], Path, str | None]],
    ) -> None:
        """Puts one key, scalar or opened container where it belongs."""
        self._check(event, depth=len(open_))
        container, path, key = open_[-1]
        if isinstance(container, dict) and key is None:
            open_[-1] = (container, path, self._key(event, container, path))
            return
        value = _value_of(event)
        if isinstance(container, dict):
            assert key is not None
            path = (*path, key)
            container[key] = value
            open_[-1] = (container, path[:-1], None)
        else:
            path = (*path, len(container)) if len(open_) > 1 else ()
            container.append(value)
        self._places[path] = _place(event)
        if isinstance(value, list | dict):
            open_.append((value, path, None))

    def _check(self, event: yaml.NodeEvent, depth: int) -> None:
        self._count += 1
        place = _place(event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            advice = "write the value out where it is used"
            raise _refused("syntax", "anchors and aliases are not for workflows", place, advice)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") and tag not in _STANDARD_TAGS:
            raise _refused("syntax", f"tags are not for workflows: {tag[:60]}", place)
        if depth > LIMIT_DEPTH:
            raise _refused("limit", f"is nested deeper than {LIMIT_DEPTH} levels", place)
        if self._count > LIMIT_VALUES:
            raise _refused("limit", f"has more than {LIMIT_VALUES:,} values", place)

    def _key(self, event: yaml.NodeEvent, container: dict[str, Json], path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _refused("syntax", "a key must be text", _place(event))
        key = _text(event)
        if key in container:
            raise WorkflowInvalid(
                [_diagnostic("duplicate", f"{key} is there twice", _place(event), field=path)]
            )
        self._key_places[(*path, key)] = _place(event)
        return key


def _value_of(event: yaml.NodeEvent) -> Json:
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    assert isinstance(event, yaml.ScalarEvent)
    # Quoted, or a block: text whatever it looks like.
    if event.style is not None or event.tag == "tag:yaml.org,2002:str":
        return _text(event)
    if event.value in _WORDS:
        return _WORDS[event.value]
    if not _NUMBER.fullmatch(event.value):
        return _text(event)
    number = exact_number(float(event.value))
    if number is None:
        raise _refused("bad_value", "is too large a number", _place(event))
    return number


def _text(event: yaml.ScalarEvent) -> str:
    """The text, with JSON's pairs of surrogate escapes made one character."""
    joined = str(event.value).encode("utf-16", "surrogatepass")
    text = joined.decode("utf-16", "surrogatepass")
    if fault := text_fault(text):
        raise _refused("syntax", fault, _place(event))
    return text


def _nearest(places: dict[Path, Place], path: Path) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Place())


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place()


def _refused(code: Code, message: str, place: Place, advice: str = "") -> WorkflowInvalid:
    return WorkflowInvalid([_diagnostic(code, message, place, advice)])


def _diagnostic(
    code: Code, message: str, place: Place, advice: str = "", field: Path = ()
) -> Diagnostic:
    return Diagnostic(
        code,
        message,
        advice,
        field=written(field),
        line=place.line,
        column=place.column,
    )
