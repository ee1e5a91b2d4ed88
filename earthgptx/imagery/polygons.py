"""Outlines of masks: valid polygons in pixels of the image, holes kept."""

from __future__ import annotations

import numpy as np
import shapely
from affine import Affine
from rasterio.features import shapes
from shapely.geometry import Polygon, shape
from shapely.geometry.base import BaseGeometry

from earthgptx.imagery.masks import MaskHW, mask_box_xyxy_px
from earthgptx.imagery.rings import PolygonWithHoles

# Less would keep the steps of pixels along a slanted edge.
DEFAULT_TOLERANCE_PX = 1.5


def mask_to_polygons(
    mask_HW: MaskHW, tolerance_px: float = DEFAULT_TOLERANCE_PX
) -> list[PolygonWithHoles]:
    """Outlines of a mask, largest first.

    The exact outline runs along the outer edges of pixels; pixels that touch at a corner only are
    parts of their own. Vertices are dropped where that moves it by the tolerance at most
    (Douglas-Peucker, rings kept apart); thin parts move less, so that none vanishes.

    Args:
        mask_HW: bool [H, W].
        tolerance_px: how far the outline may move; 0 keeps every corner.

    Returns:
        Valid polygons in pixels of the image (origin at its top left corner); none if the mask
        is empty.
    """
    parts = pixel_outlines(mask_HW)
    simpler = [piece for part in parts for piece in simplified(part, tolerance_px)]
    return [_rings(part) for part in sorted(simpler, key=lambda part: part.area, reverse=True)]


def pixel_outlines(mask_HW: MaskHW) -> list[Polygon]:
    """The exact outlines along the edges of pixels; one each for parts that touch at corners only.

    Args:
        mask_HW: bool [H, W].

    Returns:
        Polygons in pixels of the image; a ring may touch itself where pixels meet at a corner.
    """
    box = mask_box_xyxy_px(mask_HW)
    if box is None:
        return []
    x0, y0, x1, y1 = map(int, box)
    crop = mask_HW[y0:y1, x0:x1].astype(np.uint8)
    to_image = Affine(1, 0, x0, 0, 1, y0)
    return [shape(part) for part, _ in shapes(crop, crop > 0, 4, to_image)]


def simplified(part: Polygon, tolerance_px: float) -> list[Polygon]:
    """Valid parts, moved by the tolerance at most, and by half the mean thickness."""
    thickness_px = 2 * part.area / part.length
    # GEOS also drops the vertex where a ring begins, after the others: that moves them once more.
    step_px = min(tolerance_px, thickness_px / 2) / 2
    simpler = shapely.simplify(part, step_px, preserve_topology=True)
    return polygons_of(shapely.make_valid(simpler))


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons in a geometry; lines and points are left out."""
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [polygon for part in getattr(geometry, "geoms", ()) for polygon in polygons_of(part)]


def _rings(part: Polygon) -> PolygonWithHoles:
    outer, *holes = (np.array(ring.coords)[:-1] for ring in (part.exterior, *part.interiors))
    return outer, holes
