"""Outlines of what fills a large scene: its box has more pixels than are ever looked at singly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
import shapely

from earthgptx.imagery.mask_scaling import rle_in_scene
from earthgptx.imagery.masks import MaskHW, rle_area_px, rle_box_xyxy_px
from services.gateway.scene_files import examine
from services.orchestrator.task_work.outlines import MOST_PIXELS, mask_of, parts_of
from services.orchestrator.task_work.pictures import mask_in_picture
from services.orchestrator.task_work.views import Frame
from shared.image_records import find_image, scene_of
from shared.messages.json_codec import to_json
from tests.fakes import Stages
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.scenes import SIDE_PX, sparse_scene
from workflow_language.region_sets import Region, Seen
from workflow_language.values import MaskPixels, SceneView

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def scene(workplace: Workplace, tmp_path: Path) -> SceneView:
    """A scene that is read by window."""
    path = sparse_scene(tmp_path / "large.tif")
    image_id = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    described = json.loads(to_json(examine(path)))
    workplace.store.put_image_file(path, image_id, tenant="alpha", ttl_s=600, description=described)
    return scene_of(find_image(workplace.store, image_id, "alpha"))


def ring() -> MaskHW:
    """As a stage draws it, far away: bool [1024, 1024]."""
    y, x = np.indices((1024, 1024)) - 511.5
    drawn_hw: MaskHW = (np.hypot(x, y) < 500) & (np.hypot(x, y) > 400)
    return drawn_hw


@pytest.fixture
def road(scene: SceneView) -> Region:
    """The ring over nearly all of the scene."""
    counts = rle_in_scene(ring(), 0, 0, SIDE_PX / 1024, SIDE_PX, SIDE_PX)
    box = rle_box_xyxy_px(SIDE_PX, SIDE_PX, counts)
    assert box is not None and (box[2] - box[0]) * (box[3] - box[1]) > MOST_PIXELS
    mask = MaskPixels(SIDE_PX, SIDE_PX, counts)
    return Region(box, "road", score=0.5, mask=mask, image_id=scene.image_id)


def area_of(region: Region) -> int:
    return rle_area_px(SIDE_PX, SIDE_PX, mask_of(region).counts)


async def test_it_is_measured(workplace: Workplace, scene: SceneView, road: Region) -> None:
    known: Any = (await workplace.run("measure", regions=(road,)))["regions"]
    assert known[0].area_px == area_of(road) == pytest.approx(ring().mean() * SIDE_PX**2, rel=1e-3)
    assert scene.gsd_m is not None
    assert known[0].area_m2 == pytest.approx(area_of(road) * scene.gsd_m**2, rel=0.01)


async def test_it_is_exported_with_its_hole(
    workplace: Workplace, scene: SceneView, road: Region, tmp_path: Path
) -> None:
    given = await workplace.run("export_geojson", regions=(road,), simplify_px=1.5)
    (feature,) = json.loads(workplace.read(given["file"]))["features"]
    outline = shapely.geometry.shape(feature["geometry"])
    assert outline.is_valid and len(outline.interiors) == 1
    given = await workplace.run("export_mask_cog", scene=scene, masks=(road,))
    (tmp_path / "mask.tif").write_bytes(workplace.read(given["file"]))
    with rasterio.open(tmp_path / "mask.tif") as written:
        # Where the scene has data: the middle of the ring lies elsewhere, its edge in it.
        seen_HW = written.read(1)[2048:3072, 1024:2048]
    x0, y0 = 1024, 2048
    expected = shapely.box(x0, y0, x0 + 1024, y0 + 1024).intersection(
        shapely.Point(6000, 6000).buffer(500 * SIDE_PX / 1024)
    )
    assert (seen_HW == 1).sum() == pytest.approx(expected.area, rel=0.02)


async def test_it_is_drawn_and_handed_over_as_a_mark(
    workplace: Workplace, scene: SceneView, road: Region, stages: Stages
) -> None:
    shown_hw = mask_in_picture([road], Frame(0, 0, 1024 / SIDE_PX), (1024, 1024))
    assert (shown_hw != ring()).mean() < 0.01
    given = await workplace.run("render", image=scene, regions=(road,), style="filled")
    picture = cv2.imdecode(np.frombuffer(workplace.read(given["file"]), np.uint8), 1)
    assert picture is not None and picture[1024, 1024 + 900].any()
    assert not picture[1024, 1024].any()
    await workplace.run("answer", image=scene, question="what?", regions=(road,), max_new_tokens=7)
    mask = stages.requests["EncodePrompts"].regions[0].marks[0].mask
    assert rle_area_px(mask.height_px, mask.width_px, mask.counts) == shown_hw.sum()


def test_it_is_one_part_and_its_ends_are_several(road: Region) -> None:
    (whole,) = parts_of(road)
    assert (whole.area_px, whole.box_xyxy_px) == (area_of(road), road.box_xyxy_px)
    ends = ring()
    ends[300:700] = False
    counts = rle_in_scene(ends, 0, 0, SIDE_PX / 1024, SIDE_PX, SIDE_PX)
    broken = replace(road, mask=MaskPixels(SIDE_PX, SIDE_PX, counts))
    north, south = sorted(parts_of(broken), key=lambda part: part.box_xyxy_px[1])
    assert area_of(north) + area_of(south) == area_of(broken)
    for part in (north, south):
        assert part.area_px == area_of(part)
        assert part.box_xyxy_px == rle_box_xyxy_px(SIDE_PX, SIDE_PX, mask_of(part).counts)


async def test_what_two_large_views_show_of_it_is_put_together(
    workplace: Workplace, road: Region
) -> None:
    end = float(SIDE_PX)
    west = Seen((0.0, 0.0, 6400.0, end), trusted_xyxy_px=(0.0, 0.0, 6200.0, end))
    east = Seen((5600.0, 0.0, end, end), trusted_xyxy_px=(5800.0, 0.0, end, end))
    seen = tuple(replace(road, seen=each) for each in (west, east))
    given: Any = await workplace.run("merge", regions=seen, overlap=0.5, same_label=True)
    (merged,) = given["regions"]
    assert area_of(merged) == area_of(road) and merged.seen is None
