"""How a definition names values: `$scene`, `$ships.regions`, `$item.label`, "all ${kind}s".

A text that is one reference stands for the value itself. `${...}` inside a text is replaced by a
text, number or boolean. `$$` is a dollar sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = r"[a-z][a-z0-9_]{0,62}"
_PATH = rf"{NAME}(?:\.{NAME})*"
REFERENCE = re.compile(rf"\$({_PATH})")
# One of: an escaped dollar sign, a reference in braces, braces that hold none.
_IN_TEXT = re.compile(rf"(\$\$)|\$\{{({_PATH})\}}|(\$\{{[^}}]*\}}?)")


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an input, of a step or of the item of `for_each`, and what follows it."""

    name: str
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As written."""
        return "$" + ".".join((self.name, *self.more))


@dataclass(frozen=True, slots=True)
class Template:
    """A text with values in it, in order."""

    parts: tuple[str | Reference, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """The values it needs."""
        return tuple(part for part in self.parts if isinstance(part, Reference))


class NotAReference(ValueError):
    """A text begins like a reference and is none; the message says so to its author."""


def parse_text(text: str) -> str | Reference | Template:
    """What a text of a definition stands for.

    Raises:
        NotAReference: it begins with a dollar sign, or has braces, that name no value.
    """
    whole = REFERENCE.fullmatch(text)
    if whole:
        return reference_of(whole[1])
    if text.startswith("$") and not text.startswith(("$$", "${")):
        raise NotAReference(f"{text[:60]!r} is no reference such as $scene or $ships.regions")
    parts: list[str | Reference] = []
    end = 0
    for match in _IN_TEXT.finditer(text):
        escaped, path, other = match.groups()
        if other:
            raise NotAReference(f"{other[:60]!r} is no reference such as ${{kind}}")
        parts.append(text[end : match.start()])
        parts.append("$" if escaped else reference_of(path))
        end = match.end()
    parts.append(text[end:])
    joined = _joined(parts)
    return joined[0] if len(joined) == 1 and isinstance(joined[0], str) else Template(joined)


def reference_of(path: str) -> Reference:
    """The reference from its words without the dollar sign."""
    name, *more = path.split(".")
    return Reference(name, tuple(more))


def escaped(text: str) -> str:
    """A text that stands for itself, as it must be written."""
    return text.replace("$", "$$")


def _joined(parts: list[str | Reference]) -> tuple[str | Reference, ...]:
    """Neighbouring texts as one; empty ones only where there is nothing else."""
    joined: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "" or len(parts) == 1:
            joined.append(part)
    return tuple(joined)
