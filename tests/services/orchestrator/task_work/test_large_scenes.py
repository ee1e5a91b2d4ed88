"""Tasks on scenes that came by parts: larger than the stages decode, and cut for them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.windows import Window as PixelWindow

from earthgptx.imagery.display import to_display
from earthgptx.imagery.header import ImageLimits
from earthgptx.imagery.masks import encode_rle, rle_box_xyxy_px
from earthgptx.imagery.modality import Modality
from earthgptx.imagery.read import read_image
from services.gateway.large_uploads import LargeUploads
from services.orchestrator.task_work import asking
from services.orchestrator.task_work.scene_cuts import encode_cut
from services.orchestrator.task_work.views import CUT_SIDE_PX
from shared.errors import InvalidInput, StageUnavailable
from shared.interpretation import answering
from shared.interpretation.events import Event, ImageSeen
from shared.interpretation.plan import Plan
from shared.stage_clients import StageClients
from tests.earthgptx.scenes.generated import write_scene
from tests.earthgptx.scenes.test_envi_pair import tar_of
from tests.fakes import Stages
from tests.services.conftest import Suite
from tests.services.orchestrator.task_work.conftest import Workplace, uploaded, uploads_to
from tests.services.orchestrator.task_work.run_plan import run_plan
from tests.services.scenes import PLACE, SIDE_PX, noisy_scene, sparse_scene
from workflow_language import compile_text
from workflow_language.region_sets import Drawn, Region
from workflow_language.values import MaskPixels, SceneView

WITH_DATA = (1024.0, 2048.0, 2048.0, 3072.0)


@pytest.fixture
async def scene(uploads: LargeUploads, tmp_path: Path) -> SceneView:
    return await uploaded(uploads, sparse_scene(tmp_path / "large.tif"))


def part_of(scene: SceneView, x0: float, y0: float, side_px: float) -> SceneView:
    return SceneView(
        scene.image_id,
        scene.width_px,
        scene.height_px,
        window_xyxy_px=(x0, y0, x0 + side_px, y0 + side_px),
        gsd_m=scene.gsd_m,
        georeferenced=True,
    )


async def test_the_stages_see_a_cut_of_the_window_and_its_positions_are_the_scenes(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    view = part_of(scene, 1024, 2048, 512)
    given = await workplace.run("detect", image=view, labels=("ship",), at_most=9)
    asked = stages.requests["EncodeImage"]
    assert (asked.window.x0_px, asked.window.y0_px, asked.window.side_px) == (0, 0, 512)
    cut = read_image(workplace.store.get_image(asked.image.digest, tenant="alpha"))
    noise = np.random.default_rng(0).integers(1, 255, (3, 1024, 1024)).astype(np.uint8)
    assert np.array_equal(cut.bands_CHW, noise[:, :512, :512])
    regions: Any = given["regions"]
    boxes = [region.box_xyxy_px for region in regions]
    assert boxes[0] == pytest.approx((1024 + 51.2, 2048 + 102.4, 1024 + 153.6, 2048 + 204.8))


async def test_a_second_question_cuts_nothing(
    workplace: Workplace, stages: Stages, scene: SceneView, tmp_path: Path
) -> None:
    view = part_of(scene, 1000, 2000, 2400)
    await workplace.run("caption", image=view)
    first = stages.requests["EncodeImage"]
    assert first.window.side_px == CUT_SIDE_PX
    shutil.rmtree(tmp_path / "scenes")
    await workplace.run("answer", image=view, question="is it wet?")
    assert stages.requests["EncodeImage"].image.digest == first.image.digest
    assert not (tmp_path / "scenes").exists()
    workplace.store.forget("alpha", scene.image_id)
    await workplace.run("caption", image=view)
    assert stages.requests["EncodeImage"].image.digest == first.image.digest
    assert (tmp_path / "scenes").exists()


async def test_where_there_is_no_data_nobody_is_asked(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    view = part_of(scene, 8000, 8000, 1024)
    assert await workplace.run("detect", image=view, labels=("ship",)) == {"regions": ()}
    assert await workplace.run("caption", image=view) == {"text": ""}
    quay = Region((8100, 8100, 8200, 8200), "quay")
    assert await workplace.run("segment_regions", image=view, regions=(quay,)) == {"masks": ()}
    assert stages.calls["EncodeImage"] == 0


async def test_a_disk_that_fails_when_a_packed_scene_is_opened_is_worth_another_try(
    workplace: Workplace, uploads: LargeUploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(2).integers(1, 255, (3, 90, 120)).astype(np.uint8)
    raw = write_scene(tmp_path / "port.img", noise, driver="ENVI", **PLACE)
    header = raw.with_suffix(".hdr").read_bytes()
    packed = tmp_path / "port.tar"
    packed.write_bytes(tar_of(("port.hdr", header), ("port.img", raw.read_bytes())))
    scene = await uploaded(uploads, packed)
    with monkeypatch.context() as patched, pytest.raises(StageUnavailable) as told:
        # Where the link to its pixels is made.
        patched.setattr(tempfile, "tempdir", str(tmp_path / "away"))
        await workplace.run("caption", image=scene)
    assert "the scene cannot be opened here: No such file" in told.value.message
    assert (await workplace.run("caption", image=scene))["text"]


async def test_a_mask_of_a_cut_lies_where_it_is_in_the_scene(
    workplace: Workplace, scene: SceneView
) -> None:
    view = part_of(scene, 1024, 2048, 2048)
    given = await workplace.run("segment", image=view, words="the pier")
    masks: Any = given["masks"]
    (pier,) = masks
    # The fakes draw 20, 10, 50, 40 in a picture that is half as large as the window.
    assert pier.box_xyxy_px == (1024 + 40, 2048 + 20, 1024 + 100, 2048 + 80)
    mask = pier.mask
    assert (mask.height_px, mask.width_px, pier.area_px) == (SIDE_PX, SIDE_PX, 60 * 60)
    assert rle_box_xyxy_px(SIDE_PX, SIDE_PX, mask.counts) == pier.box_xyxy_px


async def test_where_there_is_no_data_a_mask_has_nothing(
    workplace: Workplace, scene: SceneView
) -> None:
    # The first pixels with data are 30 to the right and 20 down.
    view = part_of(scene, 994, 2028, 512)
    for _ in range(2):
        masks: Any = (await workplace.run("segment", image=view, words="the pier"))["masks"]
        assert [each.box_xyxy_px for each in masks] == [(1024, 2048, 1044, 2068)]
        assert masks[0].area_px == 20 * 20
    empty = part_of(scene, 934, 1968, 512)
    assert await workplace.run("segment", image=empty, words="the pier") == {"masks": ()}


async def test_the_whole_scene_is_seen_small_and_outlined_on_its_own_pixels(
    workplace: Workplace, stages: Stages, scene: SceneView, uploads: LargeUploads, tmp_path: Path
) -> None:
    assert (await workplace.run("caption", image=scene))["text"]
    assert stages.requests["EncodeImage"].window.side_px == CUT_SIDE_PX
    given = await workplace.run("detect", image=scene, labels=("ship",), at_most=9)
    regions: Any = given["regions"]
    boxes = [region.box_xyxy_px for region in regions]
    assert boxes[0] == pytest.approx([0.1 * SIDE_PX, 0.2 * SIDE_PX, 0.3 * SIDE_PX, 0.4 * SIDE_PX])
    full = await uploaded(uploads, noisy_scene(tmp_path / "full.tif", side_px=2_500))
    masks: Any = (await workplace.run("segment", image=full, words="the pier"))["masks"]
    # The fakes draw 20, 10, 50, 40 in a picture of 1024 px; a pixel is where its centre is.
    box = tuple(round(side * full.width_px / 1024) for side in (20, 10, 50, 40))
    assert [each.box_xyxy_px for each in masks] == [box]
    assert rle_box_xyxy_px(full.height_px, full.width_px, masks[0].mask.counts) == box


async def test_marks_are_handed_over_in_pixels_of_the_cut(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    view = part_of(scene, 1024, 2048, 2048)
    box = (1124.0, 2148.0, 1324.0, 2348.0)
    point = Region(box, drawn=Drawn("point", ((1224.0, 2248.0),)))
    masks: Any = (await workplace.run("segment", image=view, words="the pier"))["masks"]
    (pier,) = masks
    marks = (Region(box), point, pier)
    await workplace.run("answer", image=view, question="what?", regions=marks, max_new_tokens=7)
    handed = [each.marks[0] for each in stages.requests["EncodePrompts"].regions]
    assert (handed[0].box.x0_px, handed[0].box.y1_px) == (50, 150)
    assert (handed[1].point.x_px, handed[1].point.y_px) == (100, 100)
    mask = handed[2].mask
    assert rle_box_xyxy_px(mask.height_px, mask.width_px, mask.counts) == (20, 10, 50, 40)
    assert isinstance(pier.mask, MaskPixels)
    outside = Region((8000, 8000, 8100, 8100))
    with pytest.raises(InvalidInput, match="outside what is looked at"):
        await workplace.run("answer", image=view, question="what?", regions=(outside,))


async def test_another_tenants_scene_is_an_unknown_one(
    workplace: Workplace, scene: SceneView
) -> None:
    assert await workplace.parts.images.scene(scene.image_id, tenant="beta") is None


async def test_a_picture_shows_what_is_there(workplace: Workplace, scene: SceneView) -> None:
    view = part_of(scene, 1024, 2048, 1024)
    given = await workplace.run("render", image=view, regions=())
    picture = cv2.imdecode(np.frombuffer(workplace.read(given["file"]), np.uint8), 1)
    noise = np.random.default_rng(0).integers(1, 255, (3, 1024, 1024)).astype(np.uint8)
    assert picture is not None and np.array_equal(picture[..., ::-1].transpose(2, 0, 1), noise)
    whole = await workplace.run("render", image=scene, regions=())
    seen = cv2.imdecode(np.frombuffer(workplace.read(whole["file"]), np.uint8), 1)
    assert seen is not None and seen.shape == (2048, 2048, 3)
    rows, columns = np.nonzero(seen.any(axis=2))
    assert (columns.min(), rows.min()) == (round(1024 / SIDE_PX * 2048), round(2048**2 / SIDE_PX))


PLAN = """
workflow: ships-of-a-large-scene
inputs: {scene: scene}
steps:
  - {id: tiles, task: tile, with: {scene: $scene, side_px: 1024, overlap_px: 0, at_most: 200}}
  - id: seen
    task: detect
    for_each: $tiles
    with: {image: $item, labels: [ship]}
  - {id: ships, task: merge, with: {regions: $seen}}
  - {id: map, task: export_geojson, with: {regions: $ships}}
outputs: {ships: $ships, map: $map}
"""


@pytest.mark.timeout(60)
async def test_a_whole_workflow_runs_over_a_large_scene(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    outputs = await run_plan(compile_text(PLAN), {"scene": scene}, workplace.parts, tenant="alpha")
    # Of 144 tiles those are looked at in which there is something.
    assert stages.calls["Generate"] == stages.calls["EncodeImage"] == 1
    ships: Any = outputs["ships"]
    assert len(ships) == 2
    features = json.loads(workplace.read(outputs["map"]))["features"]
    east, north = features[0]["geometry"]["coordinates"][0][0]
    assert 2.9 < east < 3.1 and 41.4 < north < 41.6


@pytest.mark.timeout(120)
async def test_the_real_stages_look_at_a_large_scene_and_encode_a_window_once(
    real_workplace: Workplace, suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    async def told(stages: StageClients, plan: Plan) -> AsyncIterator[Event]:
        async for event in answering.tell(stages, plan):
            if isinstance(event, ImageSeen):
                seen.append(event.from_cache)
            yield event

    monkeypatch.setattr(asking, "tell", told)
    uploads = uploads_to(real_workplace, suite.objects_folder, tmp_path)
    scene = await uploaded(uploads, sparse_scene(tmp_path / "large.tif"))
    view = part_of(scene, 1024, 2048, 1024)
    for task in ("caption", "classify_scene"):
        more = {"labels": ("port", "town")} if task == "classify_scene" else {}
        await real_workplace.run(task, image=view, **more)
    assert seen == [False, True]
    outputs = await run_plan(
        compile_text(PLAN), {"scene": scene}, real_workplace.parts, tenant="alpha"
    )
    assert all(seen[1:])
    ships: Any = outputs["ships"]
    for ship in ships:
        x0, y0, x1, y1 = ship.box_xyxy_px
        assert 1024 <= x0 < x1 <= 2048 and 2048 <= y0 < y1 <= 3072
    await uploads.close()


def test_two_polarisations_stay_two_bands() -> None:
    cases: tuple[tuple[Modality, int], ...] = (("sar", 2), ("optical", 3))
    pixels_HWC = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    pixels_HWC[..., 2] = pixels_HWC[..., 0]
    for modality, bands in cases:
        data, count = encode_cut(pixels_HWC, modality)
        assert count == bands
        shown = to_display(read_image(data, ImageLimits()), modality)
        assert np.array_equal(shown.pixels_HWC, pixels_HWC)
    grey, count = encode_cut(np.ascontiguousarray(pixels_HWC[..., [0, 0, 0]]), "infrared")
    assert count == 1
    assert np.array_equal(
        to_display(read_image(grey), "infrared").pixels_HWC, pixels_HWC[..., [0, 0, 0]]
    )


async def test_values_of_all_tiles_are_stretched_alike(
    workplace: Workplace, uploads: LargeUploads, stages: Stages, tmp_path: Path
) -> None:
    path = tmp_path / "deep.tif"
    profile: Any = {"driver": "GTiff", "width": 2048, "height": 1024, "count": 1} | PLACE
    with rasterio.open(path, "w", dtype="uint16", tiled=True, **profile) as dataset:
        dark = np.random.default_rng(2).integers(100, 1_000, (1024, 1024)).astype(np.uint16)
        dataset.write(dark, 1, window=PixelWindow(0, 0, 1024, 1024))
        dataset.write(dark + 3_000, 1, window=PixelWindow(1024, 0, 1024, 1024))
    deep = await uploaded(uploads, path)
    means = []
    for x0 in (0, 1024):
        await workplace.run("caption", image=part_of(deep, x0, 0, 1024))
        data = workplace.store.get_image(
            stages.requests["EncodeImage"].image.digest, tenant="alpha"
        )
        means.append(float(read_image(data).bands_CHW.mean()))
    assert means[0] < 60 and means[1] > 190


async def test_a_mask_of_a_scene_read_by_window_shows_its_gaps(
    workplace: Workplace, uploads: LargeUploads, tmp_path: Path
) -> None:
    scene = await uploaded(uploads, sparse_scene(tmp_path / "small.tif", side_px=4096))
    inside_HW = np.zeros((4096, 4096), bool)
    inside_HW[2000:2200, 1900:2100] = True
    found = Region((1900, 2000, 2100, 2200), "dock", mask=MaskPixels(*encode_rle(inside_HW)))
    given = await workplace.run("export_mask_cog", scene=scene, masks=(found,))
    (tmp_path / "mask.tif").write_bytes(workplace.read(given["file"]))
    with rasterio.open(tmp_path / "mask.tif") as written:
        labels_HW = written.read(1)
        assert written.transform == PLACE["transform"] and written.crs == PLACE["crs"]
    expected_HW = np.full((4096, 4096), 255, np.uint8)
    x0, y0, x1, y1 = map(int, WITH_DATA)
    expected_HW[y0:y1, x0:x1] = inside_HW[y0:y1, x0:x1]
    assert np.array_equal(labels_HW, expected_HW)
