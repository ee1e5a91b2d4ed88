"""The shipped workflows on real pictures, where there are some: TEST_DATA_DIR names their folder.

What the model finds depends on its weights; what is asked here does not.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform_bounds
from shapely.geometry import box, shape

from tests.earthgptx.imagery.files import encode, tiff
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.orchestrator.task_work.shipped import check, run
from workflow_language.region_sets import Region
from workflow_language.values import File, Table, Value

# No EARTHGPTX_ before it: processes refuse variables of that prefix which they do not know.
VARIABLE = "TEST_DATA_DIR"
pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


class Pictures:
    """Sets of pictures, each a folder with annotations.json in the manner of COCO."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str, number: int) -> Path:
        """The picture of that number, from 1, in a set."""
        images = json.loads((self._folder / name / "annotations.json").read_text())["images"]
        return self._folder / name / "images" / str(images[number - 1]["file_name"])


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder of labelled pictures (docs/workflows.md)")
    return Pictures(Path(folder).resolve())


def size_of(path: Path) -> tuple[int, int]:
    """Width and height."""
    with Image.open(path) as picture:
        return picture.size


def regions_in(value: Value) -> list[Region]:
    """A value that is regions and nothing else."""
    assert isinstance(value, tuple)
    regions = [each for each in value if isinstance(each, Region)]
    assert len(regions) == len(value)
    return regions


def number_by_label(value: Value) -> dict[Any, Any]:
    assert isinstance(value, Table) and value.columns == ("label", "number")
    return {label: number for label, number in value.rows}


def features_in(workplace: Workplace, file: Value, bounds_xyxy: Iterable[float]) -> list[Any]:
    """The features of a GeoJSON file, valid and within the bounds of their scene."""
    collection = json.loads(workplace.read(file))
    assert collection["type"] == "FeatureCollection"
    scene = box(*bounds_xyxy)
    for feature in collection["features"]:
        outline = shape(feature["geometry"])
        assert outline.is_valid and outline.area > 0 and scene.covers(outline)
    return list(collection["features"])


def report_in(workplace: Workplace, file: Value, title: str) -> str:
    """The text of a report; every picture it shows lies beside it and can be opened."""
    assert isinstance(file, File)
    text = workplace.read(file).decode()
    beside = {each.name: each for each in file.beside}
    assert re.findall(r"!\[[^\]]*[^\\]\]\(([^)]+)\)", text) == list(beside)
    for each in beside.values():
        picture_in(workplace, each)
    said = text.replace("\\", "")
    assert said.startswith(f"# {title}")
    return said


def picture_in(workplace: Workplace, file: Value) -> Image.Image:
    picture = Image.open(io.BytesIO(workplace.read(file)))
    picture.load()
    return picture


def check_sorted_within(regions: list[Region], width_px: float, height_px: float) -> None:
    scores = [region.score or 0.0 for region in regions]
    assert scores == sorted(scores, reverse=True)
    for region in regions:
        x0, y0, x1, y1 = region.box_xyxy_px
        assert 0 <= x0 < x1 <= width_px and 0 <= y0 < y1 <= height_px


async def test_ships_of_a_sar_scene_are_counted_outlined_and_drawn(
    real_workplace: Workplace, pictures: Pictures
) -> None:
    path = pictures.path("ships_sar", 1)
    size_px = size_of(path)
    scene = await real_workplace.scene(path.read_bytes())
    plan, outputs = await run(real_workplace, "harbour_watch", scene=scene.image_id)
    check(real_workplace, plan, outputs)
    ships = regions_in(outputs["ships"])
    assert outputs["how_many"] == len(ships)
    check_sorted_within(sorted(ships, key=lambda ship: -(ship.score or 0.0)), *size_px)
    assert all(ship.label == "ship" and (ship.score or 0.0) >= 0.3 for ship in ships)
    assert picture_in(real_workplace, outputs["picture"]).size == size_px
    assert ("map" in outputs) == bool(ships)
    if ships:
        features = features_in(real_workplace, outputs["map"], (0, 0, *size_px))
        assert len(features) <= min(len(ships), 64)
        assert {each["properties"]["area_m2"] for each in features} <= {None}


async def test_buildings_lie_where_their_scene_does_with_their_areas(
    real_workplace: Workplace, pictures: Pictures
) -> None:
    with rasterio.open(pictures.path("trees_nir", 1)) as source:
        place = {"crs": source.crs, "transform": source.transform}
        bounds_xyxy = transform_bounds(source.crs, "EPSG:4326", *source.bounds)
        pixel_m2 = abs(source.transform.determinant)
        file = tiff(source.read([1, 2, 3]), **place)
    scene = await real_workplace.scene(file)
    plan, outputs = await run(real_workplace, "building_footprints", scene=scene.image_id)
    check(real_workplace, plan, outputs)
    slack_degrees = 1e-5
    bounds_xyxy = box(*bounds_xyxy).buffer(slack_degrees).bounds
    features = features_in(real_workplace, outputs["footprints"], bounds_xyxy)
    assert outputs["how_many"] == len(features)
    areas_m2 = [each["properties"]["area_m2"] for each in features]
    assert all(area_m2 >= 15 for area_m2 in areas_m2)
    for feature, area_m2 in zip(features, areas_m2, strict=True):
        assert area_m2 == pytest.approx(feature["properties"]["area_px"] * pixel_m2, rel=0.01)
    total_m2 = outputs["total_area_m2"]
    assert isinstance(total_m2, int | float) and total_m2 >= math.fsum(areas_m2) - 1e-6


async def test_what_was_painted_over_is_the_change_between_two_dates(
    real_workplace: Workplace, pictures: Pictures
) -> None:
    with Image.open(pictures.path("buildings", 1)) as picture:
        before_HWC = np.asarray(picture.convert("RGB"))
    after_HWC = before_HWC.copy()
    painted_HWC = after_HWC[96:160, 64:128]
    painted_HWC[...] = np.where(painted_HWC < 128, 255, 0)
    ids = [
        (await real_workplace.scene(encode(each_HWC, "PNG"))).image_id
        for each_HWC in (before_HWC, after_HWC)
    ]
    plan, outputs = await run(real_workplace, "change_between_dates", before=ids[0], after=ids[1])
    check(real_workplace, plan, outputs)
    features = features_in(real_workplace, outputs["map"], (0, 0, 256, 256))
    known = len(regions_in(outputs["appeared"])) + len(regions_in(outputs["vanished"]))
    (changed,) = (shape(each["geometry"]) for each in features[known:])
    painted = box(64, 96, 128, 160)
    assert changed.intersection(painted).area / changed.union(painted).area > 0.9
    text = report_in(real_workplace, outputs["report"], "Change between two dates")
    (share,) = re.findall(r"share of ([\d.]+) of the area", text)
    assert float(share) == pytest.approx(64 * 64 / 256**2, rel=0.1)


async def test_things_on_an_airfield_have_a_row_a_place_on_the_map_and_a_picture(
    real_workplace: Workplace, pictures: Pictures
) -> None:
    path = pictures.path("vehicles", 5)
    width_px, height_px = size_of(path)
    scene = await real_workplace.scene(path.read_bytes())
    plan, outputs = await run(real_workplace, "airfield_audit", scene=scene.image_id)
    check(real_workplace, plan, outputs)
    found = number_by_label(outputs["by_kind"])
    assert found.keys() <= {"airplane", "helicopter", "storage tank"}
    rows = list(csv.DictReader(io.StringIO(real_workplace.read(outputs["table"]).decode())))
    features = features_in(real_workplace, outputs["map"], (0, 0, width_px, height_px))
    assert len(rows) == len(features) == min(sum(found.values()), 200)
    for row, feature in zip(rows, features, strict=True):
        assert row["label"] == feature["properties"]["label"] and row["area_m2"] == ""
        box_xyxy_px = [float(row[name]) for name in ("x0_px", "y0_px", "x1_px", "y1_px")]
        assert box_xyxy_px == feature["properties"]["box_xyxy_px"]
    text = report_in(real_workplace, outputs["report"], "Airfield audit")
    assert "The scene is taken for: " in text


async def test_a_scene_report_shows_what_it_speaks_of(
    real_workplace: Workplace, pictures: Pictures
) -> None:
    path = pictures.path("vehicles", 5)
    scene = await real_workplace.scene(path.read_bytes())
    plan, outputs = await run(real_workplace, "scene_report", scene=scene.image_id)
    check(real_workplace, plan, outputs)
    things = regions_in(outputs["things"])
    assert len(things) <= 12
    check_sorted_within(things, *size_of(path))
    text = report_in(real_workplace, outputs["report"], "Scene report: ")
    # Both overviews, and each thing from close by.
    assert text.count("![") == 2 + len(things)


async def test_people_in_thermal_frames_raise_the_alarm(
    real_workplace: Workplace, pictures: Pictures
) -> None:
    paths = [pictures.path("hit_uav", number) for number in (1, 2)]
    ids = [(await real_workplace.scene(path.read_bytes())).image_id for path in paths]
    plan, outputs = await run(real_workplace, "thermal_search", frames=ids)
    check(real_workplace, plan, outputs)
    frames = outputs["people"]
    assert isinstance(frames, tuple) and len(frames) == 2
    people = [region for frame in frames for region in regions_in(frame)]
    assert all(one.label == "person" and (one.score or 0.0) >= 0.25 for one in people)
    found = number_by_label(outputs["by_label"])
    assert found.get("person", 0) == len(people)
    assert found.keys() <= {"person", "car", "truck", "bicycle"}
    features = features_in(real_workplace, outputs["map"], (0, 0, 640, 512))
    assert len(features) == sum(found.values())
    assert {each["properties"]["image_id"] for each in features} <= set(ids)
    assert ("alarm" in outputs) == bool(people)
    if people:
        text = report_in(real_workplace, outputs["alarm"], "People found")
        assert f"{len(people)} people in 2 frames." in text
