"""What a user can draw: points, boxes, polygons, scribbles and masks, gathered into regions.

All coordinates are pixels of the full image: origin at the top left corner of the top left pixel,
x to the right, y down; the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from earthgptx.imagery.masks import rle_box_xyxy_px

MarkKind = Literal["point", "box", "polygon", "scribble", "mask"]
# The order of channels in a prompt raster.
MARK_KINDS: tuple[MarkKind, ...] = ("point", "box", "polygon", "scribble", "mask")
VertexXyPx = tuple[float, float]
BoxXyxyPx = tuple[float, float, float, float]
# A scribble without a width is this part of the image's longer side wide.
DEFAULT_SCRIBBLE_SHARE = 1 / 64


@dataclass(frozen=True)
class PointMark:
    """A click."""

    x_px: float
    y_px: float


@dataclass(frozen=True)
class BoxMark:
    """An axis-aligned box; (x1, y1) is exclusive."""

    x0_px: float
    y0_px: float
    x1_px: float
    y1_px: float


@dataclass(frozen=True)
class PolygonMark:
    """A closed ring, the first vertex not repeated."""

    vertices_xy_px: tuple[VertexXyPx, ...]


@dataclass(frozen=True)
class ScribbleMark:
    """An open stroke; width 0 means 1/64 of the image's longer side."""

    vertices_xy_px: tuple[VertexXyPx, ...]
    width_px: float = 0.0


@dataclass(frozen=True)
class MaskMark:
    """A binary mask of the full image as compressed COCO run-length code."""

    height_px: int
    width_px: int
    counts: str


Mark = PointMark | BoxMark | PolygonMark | ScribbleMark | MaskMark

_KIND_OF: dict[type, MarkKind] = {
    PointMark: "point",
    BoxMark: "box",
    PolygonMark: "polygon",
    ScribbleMark: "scribble",
    MaskMark: "mask",
}


@dataclass(frozen=True)
class Region:
    """One thing, shown by one or more marks of any kind; ``<Region i>`` in a question."""

    marks: tuple[Mark, ...]


def mark_kind(mark: Mark) -> MarkKind:
    """The kind's name, as in ``MARK_KINDS``."""
    return _KIND_OF[type(mark)]


def mark_extent_xyxy_px(mark: Mark) -> BoxXyxyPx:
    """The smallest box around the mark; without area for a point.

    A scribble's extent holds its stroke (for width 0 its line only: the image's size is not
    known here). An empty mask has the extent (0, 0, 0, 0).
    """
    if isinstance(mark, PointMark):
        return (mark.x_px, mark.y_px, mark.x_px, mark.y_px)
    if isinstance(mark, BoxMark):
        return (mark.x0_px, mark.y0_px, mark.x1_px, mark.y1_px)
    if isinstance(mark, MaskMark):
        return rle_box_xyxy_px(mark.height_px, mark.width_px, mark.counts) or (0.0, 0.0, 0.0, 0.0)
    xs, ys = zip(*mark.vertices_xy_px, strict=True)
    reach_px = mark.width_px / 2 if isinstance(mark, ScribbleMark) else 0.0
    return (min(xs) - reach_px, min(ys) - reach_px, max(xs) + reach_px, max(ys) + reach_px)


def region_extent_xyxy_px(region: Region) -> BoxXyxyPx:
    """The smallest box around all marks of the region."""
    x0s, y0s, x1s, y1s = zip(*map(mark_extent_xyxy_px, region.marks), strict=True)
    return (min(x0s), min(y0s), max(x1s), max(y1s))
