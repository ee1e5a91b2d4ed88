"""Places and areas where the earth makes them hard: at its seam, and all around it."""

from __future__ import annotations

import pytest
import shapely
from pyproj import Geod

from earthgptx.scenes.ground import Ground
from earthgptx.scenes.header import SceneHeader

WGS84 = Geod(ellps="WGS84")


def ground(crs: str, transform: tuple[float, float, float, float, float, float]) -> Ground:
    return Ground(SceneHeader("GTiff", 7200, 3600, 1, "uint8", crs, 1.0, 0, transform))


def area_m2(shape: shapely.Geometry) -> float:
    return sum(abs(WGS84.geometry_area_perimeter(part)[0]) for part in shapely.get_parts(shape))


def test_a_shape_of_utm_across_the_antimeridian_is_two_with_one_area() -> None:
    # Zone 60 ends at 180 degrees, 333 km east of its middle at the equator.
    here = ground("EPSG:32660", (10, 0, 828_000, 0, -10, 50_000))
    across = shapely.box(0, 0, 1200, 900)
    placed = here.lonlat(across)
    assert placed is not None and placed.is_valid
    east, west = sorted(shapely.get_parts(placed), key=lambda part: -part.bounds[0])
    assert east.bounds[2] == 180 and west.bounds[0] == -180
    assert east.bounds[0] > 179 and west.bounds[2] < -179
    assert here.area_m2(across) == pytest.approx(area_m2(placed), rel=1e-6)
    assert here.area_m2(across) == pytest.approx(12_000 * 9_000, rel=0.01)


def test_a_hole_is_no_area() -> None:
    here = ground("EPSG:32633", (1, 0, 500_000, 0, -1, 5_400_000))
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(20, 20, 70, 70))
    assert here.area_m2(ring) == pytest.approx(7_500 / 0.9996**2, rel=1e-5)
    placed = here.lonlat(ring)
    assert placed is not None and len(placed.interiors) == 1


def test_a_scene_of_all_the_earth_is_not_taken_for_one_across_its_seam() -> None:
    here = ground("EPSG:4326", (0.05, 0, -180, 0, -0.05, 90))
    placed = here.lonlat(shapely.box(0, 0, 7200, 3600))
    assert placed is not None and placed.bounds == (-180, -90, 180, 90)


def test_a_shape_smaller_than_the_grid_has_no_place() -> None:
    here = ground("EPSG:32633", (0.001, 0, 500_000, 0, -0.001, 5_400_000))
    assert here.lonlat(shapely.box(0, 0, 1, 1)) is None
