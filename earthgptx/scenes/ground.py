"""Where shapes of a scene lie on the ground, and how large they are there.

Areas are geodesic, on the WGS 84 ellipsoid (Karney 2013, by pyproj), so they hold in degrees and in
stretched projections (Web Mercator) alike. A scene without a CRS has no place: pixels remain.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod
from shapely.affinity import affine_transform, translate
from shapely.geometry import MultiPolygon

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.georeference import pixels_to_lonlat
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.polygons import polygons_of
from earthgptx.scenes.pieces import Shape

# Straight in pixels is not straight in degrees: longer edges get vertices in between.
_LONGEST_EDGE_PX = 256.0
# About a centimetre (RFC 7946, section 11.2, advises against more).
_LONLAT_GRID = 1e-7


class Ground:
    """The ground below one scene."""

    def __init__(self, header: ImageHeader) -> None:
        """Takes the scene's transform and CRS."""
        self._transform = header.transform
        self._crs = header.crs
        self._geod = Geod(ellps="WGS84")

    @property
    def is_known(self) -> bool:
        """False for a scene without a CRS."""
        return self._transform is not None

    def area_m2(self, shape_px: Shape) -> float | None:
        """Geodesic area in square metres, holes left out; None where the ground is not known."""
        if self._transform is None:
            return None
        total = 0.0
        for polygon in polygons_of(self._raw_lonlat(shape_px)):
            rings = (polygon.exterior, *polygon.interiors)
            areas = [abs(self._geod.geometry_area_perimeter(ring)[0]) for ring in rings]
            total += areas[0] - sum(areas[1:])
        return total

    def in_crs(self, shape_px: Shape) -> Shape:
        """The shape in coordinates of the scene's CRS; in pixels where it has none."""
        if self._transform is None:
            return shape_px
        a, b, c, d, e, f = self._transform
        placed: Shape = affine_transform(shape_px, [a, b, d, e, c, f])
        return placed

    def lonlat(self, shape_px: Shape) -> Shape | None:
        """The shape in longitude and latitude (WGS 84), as RFC 7946 wants it.

        Cut at the antimeridian (section 3.1.9), outer rings counterclockwise (3.1.6), to seven
        decimals.

        Returns:
            A valid polygon or several; None where the ground is not known or nothing is left of
            the shape on a grid of a centimetre.
        """
        if self._transform is None:
            return None
        degrees = shapely.make_valid(self._raw_lonlat(shape_px))
        on_grid = shapely.set_precision(_cut_at_antimeridian(degrees), _LONLAT_GRID)
        parts = polygons_of(shapely.orient_polygons(on_grid))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else MultiPolygon(parts)

    def _raw_lonlat(self, shape_px: Shape) -> shapely.Geometry:
        """Without a jump where it crosses the antimeridian: longitudes may pass 180."""
        degrees = shapely.transform(shapely.segmentize(shape_px, _LONGEST_EDGE_PX), self._placed)
        rings = [r for p in polygons_of(degrees) for r in (p.exterior, *p.interiors)]
        jumps = any((np.abs(np.diff(shapely.get_coordinates(r)[:, 0])) > 180).any() for r in rings)
        return shapely.transform(degrees, _unwrapped) if jumps else degrees

    def _placed(self, points_xy_px: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        assert self._transform is not None
        lonlat = pixels_to_lonlat(points_xy_px, self._transform, self._crs)
        if lonlat is None:
            raise ImageryError("image", "has no place on the earth there", "a CRS that reaches it")
        return lonlat


def _unwrapped(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.column_stack((np.mod(lonlat[:, 0], 360.0), lonlat[:, 1]))


def _cut_at_antimeridian(degrees: shapely.Geometry) -> shapely.Geometry:
    west, south, east, north = degrees.bounds
    if west >= -180 and east <= 180:
        return degrees
    # Three worlds side by side; each part is moved back into the middle one.
    parts = [
        translate(degrees.intersection(shapely.box(low, south, low + 360, north)), -180 - low)
        for low in (-540.0, -180.0, 180.0)
    ]
    return shapely.union_all(parts)
