"""export_geojson, export_csv: regions and tables for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from shapely.geometry import mapping

from earthgptx.exports.simpler import simpler_outline
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.place import NO_PLACE
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.pieces import Shape
from services.orchestrator.task_work.arguments import Arguments, number_in, regions_in
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.resampling import resampling_of, shown_gsd_m
from services.orchestrator.task_work.shapes import shape_of
from workflow_language.region_sets import Region
from workflow_language.values import MaskPixels, Table, Value

GEOJSON = "application/geo+json"
CSV = "text/csv"


async def export_geojson(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes regions as GeoJSON (RFC 7946)."""
    regions = regions_in(arguments, "regions")
    headers = await context.headers({region.image_id for region in regions})
    text = await context.draw(geojson_of, regions, headers, number_in(arguments, "simplify_px"))
    return {"file": await context.write(".geojson", GEOJSON, text.encode())}


async def export_csv(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes a table as CSV (RFC 4180)."""
    table = arguments["table"]
    assert isinstance(table, Table)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return {"file": await context.write(".csv", CSV, text.getvalue().encode())}


def geojson_of(
    regions: tuple[Region, ...], headers: Mapping[str, ImageHeader], tolerance_px: float
) -> str:
    """A collection of one feature a region.

    Coordinates are longitude and latitude where a scene has a place on Earth. Where none has, they
    are pixels, and a foreign member (section 6.1) says so; among scenes that have one, a region of
    a scene without has no geometry.

    Args:
        regions: of any scenes.
        headers: of their scenes, by image id.
        tolerance_px: how far an outline may move; 0 keeps every corner.

    Raises:
        ImageryError: a mask is malformed, or a region reaches where its CRS has no place.
    """
    grounds = {image_id: Ground(header) for image_id, header in headers.items()}
    placed = any(ground.is_known for ground in grounds.values())
    about = {
        "coordinates": "longitude and latitude, WGS 84" if placed else NO_PLACE,
        "simplified_by_px": tolerance_px,
    }
    if resampling := resampling_of(regions, headers):
        about["resampling"] = resampling
    features = []
    for number, region in enumerate(regions, start=1):
        shape_px = _simpler(region, tolerance_px)
        ground = grounds.get(region.image_id)
        shape: Shape | None = None if placed else shape_px
        if ground is not None and ground.is_known:
            shape = ground.lonlat(shape_px)
        features.append(_feature(number, region, shape, shown_gsd_m(region, headers)))
    collection = {"type": "FeatureCollection", "earthgptx": about, "features": features}
    return json.dumps(collection, ensure_ascii=False, allow_nan=False)


def _simpler(region: Region, tolerance_px: float) -> Shape:
    shape_px = shape_of(region)
    if not isinstance(region.mask, MaskPixels) or not tolerance_px:
        return shape_px
    return simpler_outline(shape_px, tolerance_px)


def _feature(
    number: int, region: Region, shape: Shape | None, gsd_m: float | None
) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": number,
        "geometry": None if shape is None else mapping(shape),
        "properties": {
            "label": region.label,
            "caption": region.caption,
            "score": region.score,
            "area_px": region.area_px,
            "area_m2": region.area_m2,
            "length_m": region.length_m,
            "outline": "mask" if isinstance(region.mask, MaskPixels) else "box",
            "box_xyxy_px": list(region.box_xyxy_px),
            "image_id": region.image_id or None,
            "shown_gsd_m": gsd_m,
        },
    }
