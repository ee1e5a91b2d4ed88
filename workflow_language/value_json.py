"""JSON of the values that flow between steps, exact both ways.

What `value_to_json` writes, `value_from_json`, told the type, reads as an equal value; anything
else it refuses. What is as ever (no window, no label) is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from workflow_language.compiler.literals import article
from workflow_language.document import Json
from workflow_language.region_sets import BoxXyxyPx, Drawn, Region, Seen
from workflow_language.value_types import MASK, SCENE, ValueType
from workflow_language.values import Cell, File, MaskPixels, SceneView, Table, Value

T = TypeVar("T")


class NotOfType(ValueError):
    """JSON that is no value of the type; the message says why."""


def value_to_json(value: Value) -> Json:
    """The value as JSON values."""
    match value:
        case bool() | str() | int():
            return value
        case float():
            if not math.isfinite(value):
                raise NotOfType("is not finite")
            return value
        case tuple():
            return [value_to_json(each) for each in value]
        case Table(columns, rows):
            return {"columns": list(columns), "rows": [list(row) for row in rows]}
        case SceneView() | File() | Region():
            return _members_of(value)


def value_from_json(kind: ValueType, json: Json) -> Value:
    """The value back.

    Raises:
        NotOfType: it is no value of this type.
    """
    if kind.item is not None:
        if not isinstance(json, list):
            raise NotOfType(f"is not {article(kind)}")
        return tuple(value_from_json(kind.item, each) for each in json)
    reader = _READERS.get(kind.name)
    if reader is None:
        raise NotOfType(f"{article(kind)} is no value")
    value: Value = reader(json)
    if kind == SCENE and isinstance(value, SceneView) and value.window_xyxy_px is not None:
        raise NotOfType("is a part of a scene, not a scene")
    if kind == MASK and isinstance(value, Region) and value.mask is None:
        raise NotOfType("is a region without pixels, not a mask")
    return value


def _members_of(value: SceneView | File | Region | MaskPixels | Drawn | Seen) -> dict[str, Json]:
    """Its attributes by name, but those that are as ever."""
    members: dict[str, Json] = {}
    for field in fields(value):
        member = getattr(value, field.name)
        if member == field.default:
            continue
        members[field.name] = (
            _members_of(member)
            if isinstance(member, MaskPixels | Drawn | Seen)
            else value_to_json(member)
        )
    return members


def _text(json: Json) -> str:
    if not isinstance(json, str):
        raise NotOfType("is not a text")
    return json


def _boolean(json: Json) -> bool:
    if not isinstance(json, bool):
        raise NotOfType("is not true or false")
    return json


def _number(json: Json) -> float:
    if isinstance(json, bool) or not isinstance(json, int | float) or not math.isfinite(json):
        raise NotOfType("is not a number")
    return json


def _whole(json: Json) -> int:
    if isinstance(json, bool) or not isinstance(json, int) or json < 0:
        raise NotOfType("is not a whole number")
    return json


def _box(json: Json) -> BoxXyxyPx:
    if not isinstance(json, list) or len(json) != 4:
        raise NotOfType("is not a box of four numbers")
    x0, y0, x1, y1 = map(_number, json)
    if not (x0 < x1 and y0 < y1):
        raise NotOfType("is a box without area")
    return x0, y0, x1, y1


def _position(json: Json) -> tuple[float, float]:
    if not isinstance(json, list) or len(json) != 2:
        raise NotOfType("is not a position [x, y]")
    return _number(json[0]), _number(json[1])


def _cell(json: Json) -> Cell:
    if json is None or isinstance(json, bool | str):
        return json
    return _number(json)


def _tuple_of(read: Callable[[Json], T]) -> Callable[[Json], tuple[T, ...]]:
    def read_all(json: Json) -> tuple[T, ...]:
        if not isinstance(json, list):
            raise NotOfType("is not a list")
        return tuple(map(read, json))

    return read_all


def _object_of(
    cls: Callable[..., T],
    needed: Mapping[str, Callable[[Json], Any]],
    **more: Callable[[Json], Any],
) -> Callable[[Json], T]:
    """Reads an object with these members, and, where they are there, with some more."""
    readers = {**needed, **more}

    def read(json: Json) -> T:
        if not isinstance(json, dict):
            raise NotOfType("is not an object")
        missing = [name for name in needed if name not in json]
        others = [name for name in json if name not in readers]
        if missing or others:
            fault = f"has no {missing[0]}" if missing else f"has an odd member {others[0][:60]!r}"
            raise NotOfType(fault)
        found: dict[str, Any] = {}
        for name, member in json.items():
            try:
                found[name] = readers[name](member)
            except NotOfType as error:
                raise NotOfType(f"has a {name} that {error}") from None
        return cls(**found)

    return read


def _table(json: Json) -> Table:
    table = _table_members(json)
    if any(len(row) != len(table.columns) for row in table.rows):
        raise NotOfType("has a row that is longer or shorter than the others")
    return table


def _file(json: Json) -> File:
    return _file_members(json)


_table_members = _object_of(
    Table, {"columns": _tuple_of(_text), "rows": _tuple_of(_tuple_of(_cell))}
)
_file_members = _object_of(
    File,
    {"name": _text, "media_type": _text, "size_bytes": _whole, "key": _text},
    beside=_tuple_of(_file),
)
_view = _object_of(
    SceneView,
    {"image_id": _text, "width_px": _whole, "height_px": _whole},
    window_xyxy_px=_box,
    trusted_xyxy_px=_box,
    shown_px=_whole,
    side_px=_whole,
    gsd_m=_number,
    modality=_text,
    georeferenced=_boolean,
)
_region = _object_of(
    Region,
    {"box_xyxy_px": _box},
    image_id=_text,
    label=_text,
    caption=_text,
    score=_number,
    mask=_object_of(MaskPixels, {"height_px": _whole, "width_px": _whole, "counts": _text}),
    area_px=_number,
    area_m2=_number,
    length_m=_number,
    drawn=_object_of(Drawn, {"shape": _text, "vertices_xy_px": _tuple_of(_position)}),
    seen=_object_of(Seen, {"window_xyxy_px": _box}, trusted_xyxy_px=_box, cut=_boolean),
    pixel_px=_number,
)
_READERS: Mapping[str, Callable[[Json], Value]] = {
    "scene": _view,
    "image": _view,
    "region": _region,
    "mask": _region,
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "table": _table,
    "file": _file,
}
