"""The values that flow between steps, and their JSON.

    scene, image      SceneView          regions, masks    tuple of Region
    region, mask      Region             list of ...       tuple
    text              str                table             Table
    number            int or float       file              File
    boolean           bool

JSON is exact both ways: what `value_to_json` writes, `value_from_json`, told the type, reads as an
equal value; anything else it refuses. What is as ever (no window, no label) is left out of it.
Positions are pixels of the whole scene, wherever a thing was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from workflow_language.compiler.literals import article
from workflow_language.document import Json
from workflow_language.region_sets import BoxXyxyPx, Drawn, Region
from workflow_language.value_types import MASK, SCENE, ValueType

Cell = str | int | float | bool | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SceneView:
    """A scene, or the part of one that is looked at.

    Attributes:
        image_id: of the uploaded file.
        width_px: of the whole scene.
        height_px: of the whole scene.
        window_xyxy_px: the part; it may reach beyond the scene. None: all of it.
        side_px: the longer side to which pictures of it are resampled; None: as it is stored.
        gsd_m: side of a pixel of the scene on the ground; None if not known.
        modality: "optical", "sar", "infrared", or "" if not known.
        georeferenced: whether pixels of the scene have a place on Earth.
    """

    image_id: str
    width_px: int
    height_px: int
    window_xyxy_px: BoxXyxyPx | None = None
    side_px: int | None = None
    gsd_m: float | None = None
    modality: str = ""
    georeferenced: bool = False

    @property
    def extent_xyxy_px(self) -> BoxXyxyPx:
        """The part that is looked at, or the whole scene."""
        return self.window_xyxy_px or (0.0, 0.0, float(self.width_px), float(self.height_px))


@dataclass(frozen=True, slots=True)
class MaskPixels:
    """`Region.mask` of a mask: pixels of the whole scene as compressed COCO run-length code."""

    height_px: int
    width_px: int
    counts: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, each with a cell a column; None where there is nothing to say."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class File:
    """Something written, to be fetched.

    Attributes:
        name: without folders, with its ending.
        media_type: such as "image/png".
        size_bytes: of its content.
        key: what it is fetched by; opaque, and of no use to another tenant.
        beside: what belongs in the same folder, e.g. the pictures of a report.
    """

    name: str
    media_type: str
    size_bytes: int
    key: str
    beside: tuple[File, ...] = ()


Value = SceneView | Region | Table | File | str | int | float | bool | tuple["Value", ...]


class NotOfType(ValueError):
    """JSON that is no value of the type; the message says why."""


def field_of(value: Value, name: str) -> Value | None:
    """What `.name` reads of a value (`value_types.fields_of`); None if it is not known.

    Of a part of a scene, width and height are those of the part, in pixels of the scene.
    """
    match value:
        case SceneView():
            return _view_fields(value)[name]
        case Region():
            return value.fields()[name]
        case tuple() if name == "count":
            return len(value)
    raise KeyError(name)


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


def _view_fields(view: SceneView) -> dict[str, Value | None]:
    x0, y0, x1, y1 = view.extent_xyxy_px
    return {
        "width_px": x1 - x0 if view.window_xyxy_px else view.width_px,
        "height_px": y1 - y0 if view.window_xyxy_px else view.height_px,
        "gsd_m": view.gsd_m,
        "modality": view.modality or None,
        "georeferenced": view.georeferenced,
    }


def _members_of(value: SceneView | File | Region | MaskPixels | Drawn) -> dict[str, Json]:
    """Its attributes by name, but those that are as ever."""
    members: dict[str, Json] = {}
    for field in fields(value):
        member = getattr(value, field.name)
        if member == field.default:
            continue
        members[field.name] = (
            _members_of(member) if isinstance(member, MaskPixels | Drawn) else value_to_json(member)
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
