"""Marks of a request as imagery knows them."""

from __future__ import annotations

from collections.abc import Iterable

from earthgptx.imagery.marks import (
    BoxMark,
    Mark,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
)
from protos.earthgptx.v1 import geometry_pb2
from shared.errors import InvalidInput


def regions_from_proto(regions: Iterable[geometry_pb2.Region]) -> tuple[Region, ...]:
    """The regions, shapes only; whether they fit the image is for imagery to say.

    Raises:
        InvalidInput: A mark has no shape.
    """
    return tuple(
        Region(tuple(_mark(mark, f"regions[{i}].marks[{j}]") for j, mark in enumerate(r.marks)))
        for i, r in enumerate(regions)
    )


def _mark(mark: geometry_pb2.Mark, path: str) -> Mark:
    match mark.WhichOneof("shape"):
        case "point":
            return PointMark(mark.point.x_px, mark.point.y_px)
        case "box":
            return BoxMark(mark.box.x0_px, mark.box.y0_px, mark.box.x1_px, mark.box.y1_px)
        case "polygon":
            return PolygonMark(_vertices(mark.polygon.vertices))
        case "scribble":
            return ScribbleMark(_vertices(mark.scribble.vertices), mark.scribble.width_px)
        case "mask":
            return MaskMark(mark.mask.height_px, mark.mask.width_px, mark.mask.counts)
    raise InvalidInput(
        f"{path} has no shape", field=path, limit="a point, box, polygon, scribble or mask"
    )


def _vertices(points: Iterable[geometry_pb2.Point]) -> tuple[tuple[float, float], ...]:
    return tuple((point.x_px, point.y_px) for point in points)
