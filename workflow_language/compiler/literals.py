"""Values written out in a definition: their types, and the limits of the parameter they are for."""

from __future__ import annotations

import re

from workflow_language.document import Json
from workflow_language.field_reader import kind_of
from workflow_language.tasks.task import Parameter
from workflow_language.value_types import (
    BOOLEAN,
    IMAGE,
    NUMBER,
    REGION,
    TEXT,
    ValueType,
    accepts,
)

IMAGE_ID = r"sha256:[0-9a-f]{64}"
# Numbers of each shape; None: positions, at least so many.
SHAPES: dict[str, tuple[int | None, int]] = {
    "point": (2, 1),
    "box": (4, 1),
    "polygon": (None, 3),
    "scribble": (None, 1),
}
MAX_VERTICES = 1024


def literal_fault(value: Json, wanted: ValueType) -> str:
    """Why a value written out cannot be what is wanted; empty if it can."""
    if isinstance(value, list):
        items = wanted.item
        if items is None:
            return f"is a list, not {article(wanted)}"
        faults = (literal_fault(each, items) for each in value)
        return next((f"has an item that {fault}" for fault in faults if fault), "")
    if isinstance(value, dict):
        if not accepts(wanted, REGION):
            return f"is {kind_of(value)}, not {article(wanted)}"
        return region_fault(value)
    if isinstance(value, str) and (wanted == IMAGE or accepts(IMAGE, wanted)):
        return "" if re.fullmatch(IMAGE_ID, value) else "is no image id (sha256:...)"
    kind = _type_of(value)
    if kind is not None and accepts(wanted, kind):
        return ""
    return f"is {kind_of(value)}, not {article(wanted)}"


def limit_fault(value: Json, parameter: Parameter) -> str:
    """Which limit of the parameter a value of the right type breaks; empty if none."""
    if isinstance(value, str) and parameter.choices and value not in parameter.choices:
        return f"is {value[:60]!r}, not one of {', '.join(parameter.choices)}"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    if parameter.minimum is not None and value < parameter.minimum:
        return f"is {value}, less than {parameter.minimum:g}"
    if parameter.maximum is not None and value > parameter.maximum:
        return f"is {value}, more than {parameter.maximum:g}"
    return f"is {value}, not a whole number" if parameter.whole and value % 1 else ""


def region_fault(value: dict[str, Json]) -> str:
    """What is wrong with a region written out, e.g. `{box: [0, 0, 64, 64], label: ship}`."""
    shapes = [name for name in value if name in SHAPES]
    others = [name for name in value if name not in SHAPES and name != "label"]
    if others or len(shapes) != 1:
        return f"is no region: one of {', '.join(SHAPES)}, and a label if wanted"
    if not isinstance(value.get("label", ""), str):
        return "has a label that is not a text"
    return _shape_fault(shapes[0], value[shapes[0]])


def article(kind: ValueType) -> str:
    """The type with what goes before it: "an image", "regions"."""
    words = str(kind)
    if (kind.item is not None and kind.name != "list") or words == "anything":
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _shape_fault(name: str, value: Json) -> str:
    numbers, least = SHAPES[name]
    if numbers is not None:
        if not _are_numbers(value, numbers):
            return f"has a {name} that is not {numbers} numbers of pixels"
        return _box_fault(value) if name == "box" else ""
    vertices = value if isinstance(value, list) else []
    if not least <= len(vertices) <= MAX_VERTICES:
        return f"has a {name} that is not {least} to {MAX_VERTICES:,} positions [x, y]"
    if not all(_are_numbers(vertex, 2) for vertex in vertices):
        return f"has a {name} with a position that is not [x, y]"
    return ""


def _box_fault(value: Json) -> str:
    assert isinstance(value, list)
    x0, y0, x1, y1 = (each if isinstance(each, int | float) else 0 for each in value)
    return "" if x0 < x1 and y0 < y1 else "has a box [x0, y0, x1, y1] without area"


def _are_numbers(value: Json, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    )


def _type_of(value: Json) -> ValueType | None:
    match value:
        case bool():
            return BOOLEAN
        case str():
            return TEXT
        case int() | float():
            return NUMBER
    return None
