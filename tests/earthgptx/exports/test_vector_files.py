"""GeoJSON and GeoPackage, opened by others than who wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely
from pyproj import Geod, Transformer
from shapely.geometry import MultiPolygon, Polygon, shape

from earthgptx.exports.geojson import write_geojson
from earthgptx.exports.geopackage import write_geopackage
from earthgptx.scenes.interpret import SceneResult, interpret_scene
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from tests.earthgptx.exports.conftest import Exported
from tests.earthgptx.scenes.generated import ThresholdModel, picture_of, write_scene

FIELDS = ["number", "class", "score", "area_m2", "area_px", "caption", "outline"]


def rings(geometry: Polygon | MultiPolygon) -> int:
    return sum(1 + len(part.interiors) for part in shapely.get_parts([geometry]))


def test_geojson_is_valid_wound_and_placed(exported: Exported) -> None:
    collection = json.loads(exported.files["geojson"].read_text())
    assert collection["type"] == "FeatureCollection" and "crs" not in collection
    assert len(collection["features"]) == len(exported.result.objects)
    for feature, found in zip(collection["features"], exported.result.objects, strict=True):
        geometry = shape(feature["geometry"])
        assert geometry.is_valid and not geometry.is_empty
        assert all(part.exterior.is_ccw for part in shapely.get_parts([geometry]))
        assert not any(r.is_ccw for p in shapely.get_parts([geometry]) for r in p.interiors)
        assert rings(geometry) == rings(found.shape_px)
        properties = feature["properties"]
        assert (feature["id"], properties["class"]) == (found.number, "tank")
        assert properties["score"] == 0.9 and properties["caption"].endswith(" px")
        x, y = Transformer.from_crs(4326, 32633, always_xy=True).transform(
            geometry.centroid.x, geometry.centroid.y
        )
        centre = found.shape_px.centroid
        assert (x - 390_000) / 0.5 == pytest.approx(centre.x, abs=1)
        assert (5_820_000 - y) / 0.5 == pytest.approx(centre.y, abs=1)


def test_areas_are_those_on_the_ellipsoid(exported: Exported) -> None:
    features = json.loads(exported.files["geojson"].read_text())["features"]
    for feature, found in zip(features, exported.result.objects, strict=True):
        told = feature["properties"]["area_m2"]
        # A quarter of a square metre a pixel, but for the scale of the zone here (0.99978 squared).
        assert told == pytest.approx(found.area_px * 0.25, rel=1e-3)
        assert told != pytest.approx(found.area_px * 0.25, rel=1e-5)
        # The simplified outline has nearly that area, measured by pyproj on the file itself.
        measured = abs(Geod(ellps="WGS84").geometry_area_perimeter(shape(feature["geometry"]))[0])
        assert measured == pytest.approx(told, rel=0.06)


def test_outlines_are_simplified_by_no_more_than_the_tolerance(
    exported: Exported, tmp_path: Path
) -> None:
    exact, rough = tmp_path / "exact.gpkg", tmp_path / "rough.gpkg"
    write_geopackage(exported.result, exact, tolerance_px=0)
    write_geopackage(exported.result, rough, tolerance_px=2)
    before, after = (pyogrio.raw.read(path)[2] for path in (exact, rough))
    assert shapely.get_num_coordinates(shapely.from_wkb(after)).sum() < (
        shapely.get_num_coordinates(shapely.from_wkb(before)).sum() / 2
    )
    for one, other in zip(shapely.from_wkb(before), shapely.from_wkb(after), strict=True):
        assert shapely.hausdorff_distance(one.boundary, other.boundary) <= 2 * 0.5 + 1e-6


def test_geopackage_has_crs_attributes_and_valid_shapes(exported: Exported) -> None:
    meta, _, wkb, columns = pyogrio.raw.read(exported.files["geopackage"])
    assert meta["crs"] == "EPSG:32633" and meta["geometry_type"] == "MultiPolygon"
    assert list(meta["fields"][:7]) == FIELDS
    shapes = shapely.from_wkb(wkb)
    assert shapely.is_valid(shapes).all() and len(shapes) == len(exported.result.objects)
    table = dict(zip(meta["fields"], columns, strict=True))
    assert set(table["class"]) == {"tank"} and set(table["outline"]) == {"mask"}
    assert np.allclose(table["area_m2"], [o.area_m2 for o in exported.result.objects])
    assert np.allclose(table["box_x0_px"], [o.box_xyxy_px[0] for o in exported.result.objects])
    about = pyogrio.read_info(exported.files["geopackage"])["layer_metadata"]
    assert "simplified by 1.5 px" in str(about)


def result_without_crs(tmp_path: Path, bright: int = 1) -> SceneResult:
    mask = np.zeros((200, 220), np.bool_)
    mask[20:60, 30:90] = bright
    path = write_scene(tmp_path / "nowhere.tif", picture_of(mask))
    with open_scene(path) as scene:
        return interpret_scene(scene, plan_tiles(scene.header, 128), ThresholdModel())


def test_a_scene_without_crs_gives_pixels_and_says_so(tmp_path: Path) -> None:
    result = result_without_crs(tmp_path)
    write_geojson(result, tmp_path / "a.geojson")
    write_geopackage(result, tmp_path / "a.gpkg")
    collection = json.loads((tmp_path / "a.geojson").read_text())
    assert collection["earthgptx"]["coordinates"].startswith("coordinates are pixels")
    (feature,) = collection["features"]
    assert feature["properties"]["area_m2"] is None
    assert shape(feature["geometry"]).bounds == pytest.approx((30, 20, 90, 60), abs=2)
    meta, _, _, columns = pyogrio.raw.read(tmp_path / "a.gpkg")
    assert meta["crs"] is None or "Undefined" in meta["crs"] or "Unknown" in meta["crs"]
    assert np.isnan(columns[3]).all()


def test_nothing_found_is_an_empty_layer_not_an_error(tmp_path: Path) -> None:
    result = result_without_crs(tmp_path, bright=0)
    write_geojson(result, tmp_path / "a.geojson")
    write_geopackage(result, tmp_path / "a.gpkg")
    assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []
    info = pyogrio.read_info(tmp_path / "a.gpkg")
    assert info["features"] == 0 and list(info["fields"][:7]) == FIELDS
