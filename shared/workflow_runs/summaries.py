"""What an output is, in a few words: for those who follow a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST = 80


def summary_of(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Of each output: the text or number itself, how many there are, or a file's name."""
    return {name: _words(value) for name, value in outputs.items()}


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"{len(value)} item" + ("" if len(value) == 1 else "s")
    if isinstance(value, dict):
        named = value.get("name")
        rows = value.get("rows")
        return _cut(str(named)) if named else f"{len(rows)} rows" if rows is not None else "1 item"
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
