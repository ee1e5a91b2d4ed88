"""Values written out, in a step or as an input of a run: image ids, regions, texts, numbers, lists.

sha256:...                                  an image, by its id
{box: [10, 20, 80, 90], label: ship}        a region; also point, polygon, scribble
[...]                                       several; one alone need not be in a list
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workflow_language.compiler.literals import IMAGE_ID, region_fault
from workflow_language.document import Json
from workflow_language.region_sets import BoxXyxyPx, Drawn, Region
from workflow_language.value_json import NotOfType, value_from_json
from workflow_language.value_types import ANY, FIELD, IMAGE, REGION, SCENE, TEXT, ValueType
from workflow_language.values import SceneView, Value

# A bare point does not say how big the thing is: it counts as a box of this side.
POINT_REACH_PX = 64.0


def read_written(json: Json, kind: ValueType, scenes: Mapping[str, SceneView]) -> Value:
    """What is written, as a value.

    Args:
        json: as written.
        kind: what is wanted; where several are, one will do.
        scenes: the images that are there, by id.

    Raises:
        NotOfType: it is nothing of that type, or an image that is not there.
    """
    if kind.item is not None:
        several = json if isinstance(json, list) else [json]
        return tuple(_item(each, kind.item, scenes) for each in several)
    if kind in (IMAGE, SCENE):
        return _scene(json, scenes)
    if isinstance(json, dict) and kind in (REGION, ANY):
        return _region(json)
    if kind == ANY and isinstance(json, int | float):
        return json
    return value_from_json(TEXT if kind in (ANY, FIELD) else kind, json)


def image_ids_in(json: Json, kind: ValueType) -> Iterator[str]:
    """Ids of the images that are written where this type is wanted."""
    if kind.item is not None:
        for each in json if isinstance(json, list) else [json]:
            yield from image_ids_in(each, kind.item)
    elif kind in (IMAGE, SCENE) and isinstance(json, str) and re.fullmatch(IMAGE_ID, json):
        yield json


def _item(json: Json, kind: ValueType, scenes: Mapping[str, SceneView]) -> Value:
    try:
        return read_written(json, kind, scenes)
    except NotOfType as error:
        raise NotOfType(f"has an item that {error}") from None


def _scene(json: Json, scenes: Mapping[str, SceneView]) -> SceneView:
    if not isinstance(json, str) or not re.fullmatch(IMAGE_ID, json):
        raise NotOfType("is no image id (sha256:...)")
    if json not in scenes:
        raise NotOfType(f"names an image that is not there: {json}")
    return scenes[json]


def _region(json: dict[str, Json]) -> Region:
    if "box_xyxy_px" in json:
        region = value_from_json(REGION, json)
        assert isinstance(region, Region)
        return region
    if fault := region_fault(json):
        raise NotOfType(fault)
    written: dict[str, Any] = dict(json)
    label = written.pop("label", None)
    ((shape, numbers),) = written.items()
    if shape == "box":
        x0, y0, x1, y1 = numbers
        return Region((x0, y0, x1, y1), label=label)
    vertices = [numbers] if shape == "point" else numbers
    vertices_xy_px = tuple((x, y) for x, y in vertices)
    reach_px = POINT_REACH_PX if shape == "point" else 1.0
    return Region(
        _box_around(vertices_xy_px, reach_px), label=label, drawn=Drawn(shape, vertices_xy_px)
    )


def _box_around(vertices_xy_px: tuple[tuple[float, float], ...], reach_px: float) -> BoxXyxyPx:
    """The box of all; along an axis where it has no extent, of this length."""
    spans = []
    for along in zip(*vertices_xy_px, strict=True):
        low, high = min(along), max(along)
        widened = 0.0 if low < high else reach_px / 2
        spans.append((low - widened, high + widened))
    (x0, x1), (y0, y1) = spans
    return x0, y0, x1, y1
