"""Masks as GeoJSON (RFC 7946).

Georeferenced images give longitude and latitude (WGS 84). Others have no place on Earth: their
coordinates are pixels of the image, which a foreign member (section 6.1) of the collection says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from earthgptx_client.events import GroundedMask, PolygonWithHoles, Ring

_PIXELS_NOTE = (
    "coordinates are pixels of the image (origin at its top left corner, x right, y down), "
    "not longitude and latitude: the image is not georeferenced"
)


def feature_collection(masks: Sequence[GroundedMask], image_name: str) -> dict[str, Any]:
    """One feature a mask, in degrees only if every mask that is not empty has degrees."""
    drawn = [mask for mask in masks if mask.polygons_px]
    lonlat = bool(drawn) and all(mask.polygons_lonlat for mask in drawn)
    about: dict[str, Any] = {
        "image": image_name,
        "coordinates": "longitude and latitude, WGS 84" if lonlat else "pixels",
    }
    if not lonlat:
        about["note"] = _PIXELS_NOTE
    return {
        "type": "FeatureCollection",
        "earthgptx": about,
        "features": [_feature(mask, lonlat) for mask in masks],
    }


def _feature(mask: GroundedMask, lonlat: bool) -> dict[str, Any]:
    polygons = mask.polygons_lonlat if lonlat else mask.polygons_px
    return {
        "type": "Feature",
        "geometry": _geometry(polygons),
        "properties": {
            "phrase": mask.phrase,
            "index": mask.index,
            "score": round(mask.score, 4),
            "area_px": mask.area_px,
            "box_xyxy_px": list(mask.box_xyxy_px) if mask.box_xyxy_px else None,
        },
    }


def _geometry(polygons: Sequence[PolygonWithHoles]) -> dict[str, Any] | None:
    """Null (RFC 7946 section 3.2) for an empty mask."""
    if not polygons:
        return None
    coordinates = [
        [_closed(ring, counterclockwise=position == 0) for position, ring in enumerate(polygon)]
        for polygon in polygons
    ]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _closed(ring: Ring, counterclockwise: bool) -> list[list[float]]:
    """The ring with its first position repeated, wound as section 3.1.6 wants it."""
    following = ring[1:] + ring[:1]
    twice_area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, following, strict=True))
    wound = ring if (twice_area > 0) == counterclockwise else tuple(reversed(ring))
    return [list(position) for position in (*wound, wound[0])]
