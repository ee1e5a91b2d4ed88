"""The shape of a region in pixels of its scene, and how large it is on the ground."""

from __future__ import annotations

from dataclasses import replace

import shapely
from pyproj import Geod
from shapely.geometry import Polygon

from earthgptx.imagery.georeference import pixels_to_lonlat
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.masks import rle_area_px
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.pieces import Shape, united
from services.orchestrator.task_work.outlines import pixel_box, strips_in
from workflow_language.region_sets import Region
from workflow_language.values import MaskPixels


def shape_of(region: Region) -> Shape:
    """Its outline along the edges of pixels, else the polygon that was drawn, else its box.

    Raises:
        ImageryError: its mask is malformed (field "mask").
    """
    outlined: Shape | None = None
    if isinstance(region.mask, MaskPixels):
        outlined = _outline(region)
    elif region.drawn is not None and region.drawn.shape == "polygon":
        outlined = united([shapely.make_valid(Polygon(region.drawn.vertices_xy_px))])
    return outlined or shapely.box(*region.box_xyxy_px)


def measured(region: Region, header: ImageHeader | None) -> Region:
    """The region with its area in pixels, and in metres what the scene's place allows.

    Args:
        region: of a scene.
        header: of that scene; None if it is not known.

    Raises:
        ImageryError: its mask is malformed, or it reaches where the CRS has no place.
    """
    shape_px = shape_of(region)
    area_px = float(shape_px.area)
    if isinstance(region.mask, MaskPixels):
        mask = region.mask
        area_px = float(rle_area_px(mask.height_px, mask.width_px, mask.counts))
    if header is None or header.transform is None:
        return replace(region, area_px=area_px, area_m2=None, length_m=None)
    return replace(
        region,
        area_px=area_px,
        area_m2=Ground(header).area_m2(shape_px),
        length_m=_length_m(shape_px, header),
    )


def _outline(region: Region) -> Shape | None:
    strips = strips_in(region, pixel_box(region))
    outlines = [outline for strip in strips for outline in strip.outlines()]
    return united([shapely.make_valid(outline) for outline in outlines])


def _length_m(shape_px: Shape, header: ImageHeader) -> float | None:
    """The longer side of the smallest rectangle around it, along the ground (geodesic)."""
    assert header.transform is not None
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape_px))[:3]
    lonlat = pixels_to_lonlat(corners, header.transform, header.crs)
    if lonlat is None:
        return None
    geod = Geod(ellps="WGS84")
    sides_m = [geod.line_length(*lonlat[first : first + 2].T) for first in (0, 1)]
    return float(max(sides_m))
