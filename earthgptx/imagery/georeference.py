"""From pixels to places on the ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from pyproj.exceptions import ProjError

from earthgptx.imagery.rings import PolygonWithHoles, Ring

# (a, b, c, d, e, f): X = a x + b y + c, Y = d x + e y + f.
AffineTransform = tuple[float, float, float, float, float, float]

_WGS84 = "EPSG:4326"
# Ellipsoid of WGS 84: semi-major axis in metres, first eccentricity squared.
_WGS84_AXIS_M = 6_378_137.0
_WGS84_E2 = 6.694379990141e-3


def pixels_to_lonlat(
    points_xy_px: npt.ArrayLike, transform: AffineTransform, crs: str
) -> npt.NDArray[np.float64] | None:
    """Positions [N, 2] in pixels of the image as (longitude, latitude) in degrees, WGS 84.

    Args:
        points_xy_px: [N, 2], origin at the top left corner of the top left pixel.
        transform: pixels to coordinates of the crs.
        crs: "EPSG:<code>" or WKT.

    Returns:
        [N, 2], or None if the crs has no place on the earth or the points none in it.
    """
    points = np.asarray(points_xy_px, dtype=np.float64)
    a, b, c, d, e, f = transform
    xs = a * points[:, 0] + b * points[:, 1] + c
    ys = d * points[:, 0] + e * points[:, 1] + f
    try:
        lonlat = np.column_stack(_to_lonlat(crs).transform(xs, ys))
    except ProjError:
        return None
    return lonlat if np.isfinite(lonlat).all() else None


@lru_cache(maxsize=64)
def _to_lonlat(crs: str) -> Transformer:
    return Transformer.from_crs(crs, _WGS84, always_xy=True)


def polygons_to_lonlat(
    polygons: Sequence[PolygonWithHoles], transform: AffineTransform | None, crs: str
) -> list[PolygonWithHoles]:
    """The polygons as longitude and latitude (WGS 84).

    Outer rings run counterclockwise, holes clockwise (RFC 7946, section 3.1.6).

    Args:
        polygons: in pixels of the image.
        transform: pixels to coordinates of the crs; None if the image has none.
        crs: "EPSG:<code>" or WKT; empty if the image has none.

    Returns:
        As many polygons in the same order; none at all if the image is not georeferenced.
    """
    if transform is None or not crs:
        return []
    placed: list[PolygonWithHoles] = []
    for outer, holes in polygons:
        rings = [pixels_to_lonlat(ring, transform, crs) for ring in (outer, *holes)]
        if any(ring is None for ring in rings):
            return []
        first, *others = (ring for ring in rings if ring is not None)
        placed.append((_wound(first, 1), [_wound(hole, -1) for hole in others]))
    return placed


def _wound(ring: Ring, direction: int) -> Ring:
    """The ring counterclockwise (1) or clockwise (-1), with x to the right and y up."""
    x, y = (ring - ring.mean(axis=0)).T
    doubled_area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    return ring if doubled_area * direction >= 0 else ring[::-1].copy()


def ground_sampling_distance_m(
    at_xy_px: tuple[float, float], transform: AffineTransform, crs: str
) -> float:
    """Side in metres of a square with the ground area of the pixel there; 0 if not known.

    Measured on the ellipsoid, so it holds for degrees and for stretched projections (Web
    Mercator) too; rounded to three digits, within which a UTM zone's own stretch vanishes.
    """
    x, y = at_xy_px
    around = pixels_to_lonlat([(x, y), (x + 1, y), (x, y + 1)], transform, crs)
    if around is None:
        return 0.0
    latitude = math.radians(around[0, 1])
    flattening = 1 - _WGS84_E2 * math.sin(latitude) ** 2
    metres_per_radian = np.array(
        [
            math.cos(latitude) * _WGS84_AXIS_M / math.sqrt(flattening),
            _WGS84_AXIS_M * (1 - _WGS84_E2) / flattening**1.5,
        ]
    )
    right_m, down_m = np.radians(around[1:] - around[0]) * metres_per_radian
    area_m2 = abs(right_m[0] * down_m[1] - right_m[1] * down_m[0])
    return float(f"{math.sqrt(area_m2):.3g}")
