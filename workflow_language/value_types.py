"""The types of values that flow between steps.

    scene    an uploaded image as a whole, of any size, with its place on Earth if it has one
    image    what a task looks at at once: a scene (scaled down if need be) or a part of one
    regions  things in a scene, each with a box in pixels of that scene; one of them is a `region`
    masks    regions whose pixels are known; one of them is a `mask`
    text, number, boolean; table (rows of named values); file (something written, to be fetched)
    list of ...

A scene is an image, a mask is a region. Where several are wanted, one will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_LIST_OF = "list of "
# Deeper lists would be fan-out in fan-out in fan-out.
LIMIT_LIST_DEPTH = 3


@dataclass(frozen=True, slots=True)
class ValueType:
    """One type; `item` is that of what `for_each` takes out of it, None if it holds no items."""

    name: str
    item: ValueType | None = None

    def __str__(self) -> str:
        """As it is written in a workflow."""
        return f"{_LIST_OF}{self.item}" if self.name == "list" else self.name


SCENE = ValueType("scene")
IMAGE = ValueType("image")
REGION = ValueType("region")
REGIONS = ValueType("regions", REGION)
MASK = ValueType("mask")
MASKS = ValueType("masks", MASK)
TEXT = ValueType("text")
NUMBER = ValueType("number")
BOOLEAN = ValueType("boolean")
TABLE = ValueType("table")
FILE = ValueType("file")
# Only tasks ask for these: whatever there is; a condition on regions; the name of a region's field.
ANY = ValueType("anything")
CONDITION = ValueType("condition")
FIELD = ValueType("field")

NAMED = {
    kind.name: kind
    for kind in (
        SCENE,
        IMAGE,
        REGION,
        REGIONS,
        MASK,
        MASKS,
        TEXT,
        NUMBER,
        BOOLEAN,
        TABLE,
        FILE,
    )
}
SCALARS = (TEXT, NUMBER, BOOLEAN)
_NARROWER = {IMAGE: SCENE, REGION: MASK, REGIONS: MASKS}
_SINGLE = {REGIONS: REGION, MASKS: MASK}

REGION_FIELDS: Mapping[str, ValueType] = MappingProxyType(
    {
        "label": TEXT,
        "caption": TEXT,
        "score": NUMBER,
        "width_px": NUMBER,
        "height_px": NUMBER,
        "area_px": NUMBER,
        "area_m2": NUMBER,
        "length_m": NUMBER,
    }
)
_IMAGE_FIELDS: Mapping[str, ValueType] = MappingProxyType(
    {
        "width_px": NUMBER,
        "height_px": NUMBER,
        "gsd_m": NUMBER,
        "modality": TEXT,
        "georeferenced": BOOLEAN,
    }
)
_COUNTED: Mapping[str, ValueType] = MappingProxyType({"count": NUMBER})
_NO_FIELDS: Mapping[str, ValueType] = MappingProxyType({})


def list_of(item: ValueType) -> ValueType:
    """Several values of one type."""
    return ValueType("list", item)


def parse_type(text: str) -> ValueType | None:
    """The type as written; None if there is none such, or its lists are nested too deep."""
    words, depth = text, 0
    while words.startswith(_LIST_OF):
        words, depth = words.removeprefix(_LIST_OF), depth + 1
    kind = NAMED.get(words)
    if kind is None or depth > LIMIT_LIST_DEPTH:
        return None
    for _ in range(depth):
        kind = list_of(kind)
    return kind


def accepts(wanted: ValueType, given: ValueType) -> bool:
    """True if a value of type `given` may stand where `wanted` is asked for."""
    if wanted in (ANY, given) or _NARROWER.get(wanted) == given:
        return True
    if wanted in _SINGLE:
        items = _SINGLE[wanted]
        return accepts(items, given) or (given.name == "list" and given.item in _items_for(items))
    if wanted.name == "list" and wanted.item is not None:
        if given.name == "list" and given.item is not None:
            return accepts(wanted.item, given.item)
        return accepts(wanted.item, given)
    return False


def fields_of(kind: ValueType) -> Mapping[str, ValueType]:
    """What `.name` may follow a value of this type."""
    if kind in (IMAGE, SCENE):
        return _IMAGE_FIELDS
    if kind in (REGION, MASK):
        return REGION_FIELDS
    return _COUNTED if kind.item is not None else _NO_FIELDS


def innermost(kind: ValueType) -> ValueType:
    """What a list of lists is of; the type itself if it is no list."""
    return innermost(kind.item) if kind.name == "list" and kind.item is not None else kind


def depth_of(kind: ValueType) -> int:
    """How many times items can be taken out of it: 2 for a list of regions."""
    return 0 if kind.item is None else 1 + depth_of(kind.item)


def _items_for(item: ValueType) -> tuple[ValueType, ...]:
    narrower = _NARROWER.get(item)
    return (item,) if narrower is None else (item, narrower)
