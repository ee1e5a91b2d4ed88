"""Refuses marks that cannot be used, naming the mark and what would be accepted."""

from __future__ import annotations

import math
from collections.abc import Sequence

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.mark_shapes import (
    BoxMark,
    Mark,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
    VertexXyPx,
)
from earthgptx.imagery.masks import rle_area_px

MAX_REGIONS = 64
MAX_MARKS_PER_REGION = 64
MAX_VERTICES = 1024
MAX_VERTICES_IN_ALL = 65_536
# A mask of a few bytes may stand for as many pixels as the image has, and there may be thousands.
MAX_MASK_PIXELS = 200_000_000
# Hand-drawn marks end on the image's rim; so far beyond it they count as on it.
RIM_SLACK_PX = 1.0


def validate_regions(regions: Sequence[Region], width_px: int, height_px: int) -> None:
    """Refuses regions that do not fit an image of this size.

    Raises:
        ImageryError: too many regions, marks, vertices or pixels of masks; a coordinate that is not
            finite or lies more than a pixel outside the image; a box or polygon without area; a
            stroke wider than the image; a mask of another size, malformed or empty. The field is a
            path like "regions[2].marks[0].box".
    """
    if len(regions) > MAX_REGIONS:
        raise ImageryError("regions", f"{len(regions)} were given", f"{MAX_REGIONS} regions")
    for i, region in enumerate(regions):
        path = f"regions[{i}].marks"
        if not 1 <= len(region.marks) <= MAX_MARKS_PER_REGION:
            raise ImageryError(
                path, f"{len(region.marks)} were given", f"1 to {MAX_MARKS_PER_REGION} marks"
            )
        for j, mark in enumerate(region.marks):
            _validate_mark(mark, f"{path}[{j}]", width_px, height_px)
    _validate_totals(regions, width_px, height_px)


def _validate_totals(regions: Sequence[Region], width_px: int, height_px: int) -> None:
    """What each mark may have, all of them together may not."""
    marks = [mark for region in regions for mark in region.marks]
    masks = sum(isinstance(mark, MaskMark) for mark in marks)
    if masks * width_px * height_px > MAX_MASK_PIXELS:
        raise ImageryError(
            "regions",
            f"{masks} masks of {width_px} x {height_px} px were given",
            f"{MAX_MASK_PIXELS} px of masks in all",
        )
    vertices = sum(
        len(mark.vertices_xy_px) for mark in marks if isinstance(mark, PolygonMark | ScribbleMark)
    )
    if vertices > MAX_VERTICES_IN_ALL:
        raise ImageryError(
            "regions", f"{vertices} vertices were given", f"{MAX_VERTICES_IN_ALL} vertices in all"
        )


def _validate_mark(mark: Mark, path: str, width_px: int, height_px: int) -> None:
    match mark:
        case PointMark(x, y):
            _validate_vertices([(x, y)], 1, f"{path}.point", width_px, height_px)
        case BoxMark(x0, y0, x1, y1):
            _validate_vertices([(x0, y0), (x1, y1)], 2, f"{path}.box", width_px, height_px)
            if x0 >= x1 or y0 >= y1:
                raise ImageryError(f"{path}.box", "has no area", "x0 < x1 and y0 < y1")
        case PolygonMark(vertices):
            _validate_vertices(vertices, 3, f"{path}.polygon", width_px, height_px)
            if _is_flat(vertices):
                raise ImageryError(
                    f"{path}.polygon", "has no area", "vertices that are not all on one line"
                )
        case ScribbleMark(vertices, stroke_px):
            _validate_vertices(vertices, 1, f"{path}.scribble", width_px, height_px)
            widest_px = max(width_px, height_px)
            if not 0 <= stroke_px <= widest_px:
                raise ImageryError(
                    f"{path}.scribble.width_px", f"is {stroke_px:g}", f"between 0 and {widest_px}"
                )
        case MaskMark():
            _validate_mask(mark, f"{path}.mask", width_px, height_px)


def _validate_vertices(
    vertices: Sequence[VertexXyPx], least: int, path: str, width_px: int, height_px: int
) -> None:
    if not least <= len(vertices) <= MAX_VERTICES:
        raise ImageryError(
            path, f"has {len(vertices)} vertices", f"{least} to {MAX_VERTICES} vertices"
        )
    for x, y in vertices:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ImageryError(path, "has a coordinate that is not finite", "finite numbers")
        inside_x = -RIM_SLACK_PX <= x <= width_px + RIM_SLACK_PX
        if not (inside_x and -RIM_SLACK_PX <= y <= height_px + RIM_SLACK_PX):
            raise ImageryError(
                path,
                f"({x:g}, {y:g}) lies outside the image",
                f"x in 0..{width_px}, y in 0..{height_px}",
            )


def _is_flat(vertices: Sequence[VertexXyPx]) -> bool:
    """All vertices on one line (a figure of eight is not flat, though its signed area may be 0)."""
    x0, y0 = vertices[0]
    far_x, far_y = max(vertices, key=lambda v: math.hypot(v[0] - x0, v[1] - y0))
    length = math.hypot(far_x - x0, far_y - y0)
    return all(
        abs((x - x0) * (far_y - y0) - (y - y0) * (far_x - x0)) <= 1e-6 * length for x, y in vertices
    )


def _validate_mask(mark: MaskMark, path: str, width_px: int, height_px: int) -> None:
    if (mark.width_px, mark.height_px) != (width_px, height_px):
        raise ImageryError(
            path,
            f"is of {mark.width_px} x {mark.height_px} px",
            f"the image's size, {width_px} x {height_px} px",
        )
    try:
        area_px = rle_area_px(mark.height_px, mark.width_px, mark.counts)
    except ImageryError as error:
        raise ImageryError(f"{path}.counts", error.message, error.limit) from None
    if area_px == 0:
        raise ImageryError(path, "is empty", "at least one pixel")
