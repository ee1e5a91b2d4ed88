"""Documents made in Python, or read from a proto: values without places in a text."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_language.diagnostics import Code, Diagnostic, Path, WorkflowInvalid, written
from workflow_language.document import LIMIT_DEPTH, Document, Json, exact_number, text_fault


def document_of(value: object) -> Document:
    """The document of mappings, lists, tuples, texts, numbers, booleans and None.

    Raises:
        WorkflowInvalid: something else is in it, or it is nested too deep.
    """
    return Document(_plain(value, ()), {}, {})


def _plain(value: object, path: Path) -> Json:
    if len(path) > LIMIT_DEPTH:
        raise _refused("limit", path, f"is nested deeper than {LIMIT_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(key, path): _plain(each, (*path, str(key))) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, (*path, position)) for position, each in enumerate(value)]
    if isinstance(value, str):
        return _text(value, path)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        number = exact_number(value)
        if number is None:
            raise _refused("bad_value", path, "is too large a number")
        return number
    raise _refused("bad_value", path, f"is a {type(value).__name__}, which no workflow holds")


def _key(key: object, path: Path) -> str:
    if isinstance(key, str):
        return _text(key, path)
    raise _refused("bad_value", path, f"has a key that is a {type(key).__name__}, not a text")


def _text(text: str, path: Path) -> str:
    if fault := text_fault(text):
        raise _refused("syntax", path, fault)
    return text


def _refused(code: Code, path: Path, message: str) -> WorkflowInvalid:
    return WorkflowInvalid([Diagnostic(code, message, field=written(path))])
