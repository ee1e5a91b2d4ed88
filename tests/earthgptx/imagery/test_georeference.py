"""Polygons land where the image lies on the ground."""

from __future__ import annotations

import numpy as np
import pytest

from earthgptx.imagery.georeference import pixels_to_lonlat, polygons_to_lonlat
from earthgptx.imagery.header import inspect_image
from tests.earthgptx.imagery.files import UTM_10M, tiff

SQUARE = np.array([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)])
HOLE = SQUARE * 0.2 + 40


def signed_area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_a_utm_image_becomes_longitude_and_latitude() -> None:
    header = inspect_image(tiff(np.ones((1, 100, 100), "u1"), **UTM_10M))
    ((outer, (hole,)),) = polygons_to_lonlat([(SQUARE, [HOLE])], header.transform, header.crs)
    # 500,000 m east is the zone's central meridian, 15 degrees east.
    west, north = outer[:, 0].min(), outer[:, 1].max()
    assert west == pytest.approx(15.0, abs=1e-6) and north == pytest.approx(48.7531, abs=1e-3)
    assert outer[:, 0].max() > 15.013 and outer[:, 1].min() < north - 0.0089
    assert signed_area(outer) > 0 > signed_area(hole)


def test_degrees_pass_through() -> None:
    lonlat = pixels_to_lonlat(SQUARE, (0.001, 0, 7.0, 0, -0.001, 50.0), "EPSG:4326")
    assert lonlat is not None
    np.testing.assert_allclose(lonlat[2], (7.1, 49.9), rtol=1e-9)


def test_an_image_without_a_place_gives_no_places() -> None:
    assert polygons_to_lonlat([(SQUARE, [])], None, "") == []
    assert polygons_to_lonlat([(SQUARE, [])], (1, 0, 0, 0, 1, 0), "") == []
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    assert polygons_to_lonlat([(SQUARE, [])], (1, 0, 0, 0, 1, 0), local) == []
    assert inspect_image(tiff(np.ones((1, 4, 4), "u1"))).gsd_m == 0.0


def test_positions_off_the_earth_give_no_places() -> None:
    assert polygons_to_lonlat([(SQUARE, [])], (1e9, 0, 0, 0, 1e9, 0), "EPSG:32633") == []
