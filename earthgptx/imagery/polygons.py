"""Outlines of masks: valid polygons in pixels of the image, holes kept."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from earthgptx.imagery.masks import MaskHW, mask_box_xyxy_px
from earthgptx.imagery.rings import PolygonWithHoles

DEFAULT_TOLERANCE_PX = 0.75


def mask_to_polygons(
    mask_HW: MaskHW, tolerance_px: float = DEFAULT_TOLERANCE_PX
) -> list[PolygonWithHoles]:
    """Outlines of a mask, largest first.

    The outline runs along the outer edges of pixels; steps along slanted edges are cut. Pixels
    that touch at a corner only belong together. Vertices that move the outline by less than the
    tolerance are dropped (Douglas-Peucker, rings kept apart); thin parts move less, so that none
    vanishes.

    Args:
        mask_HW: bool [H, W].
        tolerance_px: how far the outline may move; 0 keeps every corner.

    Returns:
        Valid polygons in pixels of the image (origin at its top left corner); none if the mask
        is empty.
    """
    box = mask_box_xyxy_px(mask_HW)
    if box is None:
        return []
    x0, y0, x1, y1 = map(int, box)
    crop = mask_HW[y0:y1, x0:x1].astype(np.uint8)
    shape = shapely.union_all([_grown(part) for part in _through_centres(crop)])
    shape = shapely.intersection(shape, shapely.box(0, 0, x1 - x0, y1 - y0))
    simpler = [_simplified(part, tolerance_px) for part in _polygons_of(shape)]
    parts = [part for shape in simpler for part in _polygons_of(shape)]
    return [_rings(part, x0, y0) for part in sorted(parts, key=_area, reverse=True)]


def _area(part: Polygon) -> float:
    return float(part.area)


def _simplified(part: Polygon, tolerance_px: float) -> BaseGeometry:
    """Moved by the tolerance at most, and by a quarter of its mean thickness: nothing vanishes."""
    thickness_px = 2 * part.area / part.length
    bound_px = min(tolerance_px, thickness_px / 4)
    return shapely.make_valid(shapely.simplify(part, bound_px, preserve_topology=True))


def _through_centres(crop: npt.NDArray[np.uint8]) -> list[BaseGeometry]:
    """Each connected part as a shape through the centres of its border pixels."""
    contours, hierarchy = cv2.findContours(crop, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parts: list[BaseGeometry] = []
    for index, contour in enumerate(contours):
        if hierarchy[0, index, 3] >= 0:
            continue
        outer = contour[:, 0].astype(np.float64) + 0.5
        if len(outer) < 3:
            parts.append(Point(outer[0]) if len(outer) == 1 else LineString(outer))
            continue
        part: BaseGeometry = shapely.make_valid(Polygon(outer))
        # A part one pixel wide in places is a polygon with lines; the lines must not be lost.
        part = shapely.union(part, LineString(outer))
        holes = []
        child = int(hierarchy[0, index, 2])
        while child >= 0:
            hole = contours[child][:, 0].astype(np.float64) + 0.5
            if len(hole) >= 3:
                holes.append(shapely.make_valid(Polygon(hole)))
            child = int(hierarchy[0, child, 0])
        if holes:
            rims = [shapely.boundary(hole) for hole in holes]
            part = shapely.union_all([shapely.difference(part, shapely.union_all(holes)), *rims])
        parts.append(part)
    return parts


def _grown(shape: BaseGeometry) -> BaseGeometry:
    """From the centres of the border pixels to their outer edges."""
    return shapely.buffer(shape, 0.5, cap_style="square", join_style="mitre", mitre_limit=1.5)


def _polygons_of(shape: BaseGeometry) -> list[Polygon]:
    if isinstance(shape, Polygon):
        return [] if shape.is_empty else [shape]
    if isinstance(shape, MultiPolygon) or hasattr(shape, "geoms"):
        return [p for part in shape.geoms for p in _polygons_of(part)]
    return []


def _rings(part: Polygon, x_px: int, y_px: int) -> PolygonWithHoles:
    outer, *holes = (
        np.asarray(ring.coords)[:-1] + np.array((x_px, y_px))
        for ring in (part.exterior, *part.interiors)
    )
    return outer, holes
