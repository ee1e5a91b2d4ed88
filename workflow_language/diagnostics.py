"""What is wrong with a workflow, said so that its author finds the place and knows what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Code = Literal[
    "syntax",
    "limit",
    "unknown_field",
    "missing_field",
    "bad_value",
    "duplicate",
    "unknown_task",
    "unknown_reference",
    "missing_input",
    "type_mismatch",
    "cycle",
    "unbounded_fan_out",
    "unused",
]
_LONGEST_SHOWN = 80
# From the document's root: keys of mappings and positions in lists.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the text, both from 1; 0 where there is no text (a workflow made in Python)."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault.

    Attributes:
        code: its kind.
        message: what is wrong.
        advice: what to do; may be empty.
        step: id of the step, or empty.
        field: path of the field, within the step where there is one, e.g. "with.image".
        line: from 1; 0 where there is no text.
        column: from 1; 0 where there is no text.
    """

    code: Code
    message: str
    advice: str = ""
    step: str = ""
    field: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """One line: "12:9: step ships, with.image: is a number, not an image; ..."."""
        where = f"{self.line}:{self.column}: " if self.line else ""
        named = [f"step {self.step}"] if self.step else []
        named += [self.field] if self.field else []
        about = ", ".join(named) + ": " if named else ""
        advice = f"; {self.advice}" if self.advice else ""
        return f"{where}{about}{self.message}{advice}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class WorkflowInvalid(ValueError):
    """The definition is refused; `diagnostics` has every fault that was found, in order of place.

    The one error of this package.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keeps the faults; there is at least one."""
        self.diagnostics = tuple(sorted(diagnostics, key=lambda fault: (fault.line, fault.column)))
        super().__init__("\n".join(map(str, self.diagnostics)))


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Advice for a misspelt word: the nearest known one, else what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(word[:_LONGEST_SHOWN], names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return otherwise or (f"there is {', '.join(names)}" if names else "")


def written(path: Iterable[str | int]) -> str:
    """A path as people write it: `with.parts[2]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:_LONGEST_SHOWN]}"
    return text.removeprefix(".")
