"""Polygons land where the image lies on the ground."""

from __future__ import annotations

import numpy as np
import pytest

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.georeference import pixels_to_lonlat, polygons_to_lonlat
from earthgptx.imagery.header import inspect_image
from tests.earthgptx.imagery.files import UTM_10M, north_up, tiff

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


@pytest.mark.parametrize(
    ("crs", "pixel", "words"),
    [
        ("EPSG:32633", 1e-6, "pixels of 1e-06 m on the ground"),
        ("EPSG:32633", 90_000, "pixels of 90000 m on the ground"),
        ("EPSG:4326", 10, "its transform is not in its CRS"),
    ],
)
def test_an_image_off_the_earth_is_refused_before_anybody_leans_on_it(
    crs: str, pixel: float, words: str
) -> None:
    file = tiff(np.ones((1, 64, 64), "u1"), crs=crs, transform=north_up(500, 500, pixel))
    with pytest.raises(ImageryError) as told:
        inspect_image(file)
    assert told.value.field == "image" and words in told.value.message


def test_an_image_in_a_crs_of_no_place_has_none() -> None:
    local = 'LOCAL_CS["a building site",UNIT["metre",1]]'
    header = inspect_image(tiff(np.ones((1, 4, 4), "u1"), crs=local, transform=north_up(0, 9, 1)))
    assert (header.format, header.crs, header.transform, header.gsd_m) == ("TIFF", "", None, 0.0)
