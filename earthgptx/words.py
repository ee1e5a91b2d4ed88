"""Words: plurals, articles, lists, places, names of regions, what a question asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

_REGION_NAME = re.compile(r"<Region ([0-9]{1,9})>")
_DRAWN = re.compile(
    r"\b(segment|outlin|highlight|extract|ground(ed|ing)\b|delineat|trac(e|ing)\b|contour|mask|polygon|silhouette|shapes?\b|pixels?\b)",
    re.IGNORECASE,
)
_PLURALS = {"person": "people", "bus": "buses", "minibus": "minibuses", "aircraft": "aircraft"}
_MASS_WORDS = frozenset({"water", "forest", "flood", "grass", "sand", "soil", "snow"})

# Of these there are many, but labels have them as one.
_NETWORKS = frozenset({"road", "field"})
# From here on it is "many".
MOST_COUNTED = 9

PLACES = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)


def plural(label: str) -> str:
    """More than one of ``label``."""
    if label in _MASS_WORDS:
        return label
    if label in _PLURALS:
        return _PLURALS[label]
    if label.endswith(("s", "x", "ch", "sh")):
        return label + "es"
    if label.endswith("y") and label[-2:-1] not in "aeiou":
        return label[:-1] + "ies"
    return label + "s"


def is_substance(label: str) -> bool:
    """Whether ``label`` is one thing however much there is of it: nobody counts it."""
    return label in _MASS_WORDS or label in _NETWORKS


def a(phrase: str) -> str:
    """``phrase`` with its indefinite article; mass words stand alone."""
    if phrase in _MASS_WORDS:
        return phrase
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def some(label: str, number: int, exact: bool) -> str:
    """A noun phrase for ``number`` of ``label``; the number itself only where it is exact."""
    if number == 1:
        return a(label)
    if not exact:
        return plural(label)
    return counted(number, label)


def counted(number: int, label: str) -> str:
    """``1 ship``, ``3 ships``, ``many ships``."""
    if number > MOST_COUNTED:
        return f"many {plural(label)}"
    return f"{number} {label if number == 1 else plural(label)}"


def is_counted(phrase: str) -> bool:
    """Whether a phrase is one that ``counted`` makes: of several things, each for itself."""
    first = phrase.split(" ", 1)[0]
    return first == "many" or first.isdecimal()


def listed(phrases: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(phrases) < 2:
        return "".join(phrases)
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


def place_word(x_unit: float, y_unit: float) -> str:
    """One of nine words for a point in 0..1 of the image."""
    column = min(max(int(x_unit * 3), 0), 2)
    row = min(max(int(y_unit * 3), 0), 2)
    return PLACES[row][column]


def at(place: str) -> str:
    """``in the centre``, ``at the top left``."""
    return f"in the {place}" if place == "centre" else f"at the {place}"


def regions_named(text: str) -> list[tuple[int, int]]:
    """Regions that a text names ("<Region 2>"), in its order: number, and where its name ends."""
    return [(int(name[1]), name.end()) for name in _REGION_NAME.finditer(text)]


def asks_to_draw(question: str) -> bool:
    """Whether a question wants something outlined, not only told."""
    return _DRAWN.search(question) is not None
