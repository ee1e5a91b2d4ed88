"""Tiles of workflows are those of whole scenes, at the ground sampling that was asked for."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyogrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.read import read_image
from earthgptx.imagery.windows import Window, cut_window
from earthgptx.scenes.tile_plan import plan_tiles
from services.orchestrator.task_work.context import TaskContext, TaskParts
from services.orchestrator.task_work.tiling import tile
from shared.errors import InvalidInput
from tests.earthgptx.imagery.files import tiff
from tests.earthgptx.scenes.generated import UTM_HALF_METRE
from tests.fakes import Stages
from tests.services.orchestrator.task_work.conftest import Workplace
from workflow_language import WorkflowInvalid, compile_text
from workflow_language.region_sets import Region
from workflow_language.values import SceneView

IMAGE_ID = "sha256:" + "0f" * 32
CONTEXT = TaskContext("alpha", "run", "tiles", cast(TaskParts, None))
HALF_METRE = SceneView(IMAGE_ID, 1150, 900, gsd_m=0.5, georeferenced=True)
DEFAULTS = {"side_px": 256, "overlap_px": 64, "at_most": 4096, "offset": 0}


async def tiles_of(scene: SceneView, **changes: Any) -> tuple[Any, Any]:
    """The tiles, and the row that says how they are shown."""
    given: Any = await tile(CONTEXT, {"scene": scene, **DEFAULTS, **changes})
    (row,) = given["shown"].rows
    assert given["shown"].columns == ("gsd_m", "shown_gsd_m", "shown_px", "resampling")
    return given["tiles"], row


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(200, 900),
    st.integers(0, 100),
    st.sampled_from([0, 0.3, 0.5]),
)
@settings(max_examples=60, deadline=None)
async def test_tiles_cover_the_scene_and_overlap(
    width: int, height: int, side: int, overlap: int, offset: float
) -> None:
    scene = SceneView(IMAGE_ID, width, height)
    tiles, _ = await tiles_of(scene, side_px=side, overlap_px=overlap, offset=offset)
    boxes = [view.extent_xyxy_px for view in tiles]
    for length, axis in ((width, 0), (height, 1)):
        starts = sorted({box[axis] for box in boxes})
        assert starts[0] == 0
        assert max(box[axis + 2] for box in boxes) >= length
        for first, second in pairwise(starts):
            assert second - first <= side - overlap
    assert boxes == sorted(boxes, key=lambda box: (box[1], box[0]))


async def test_a_scene_that_fits_a_tile_is_looked_at_as_a_whole() -> None:
    scene = SceneView(IMAGE_ID, 90, 60)
    tiles, shown = await tiles_of(scene, side_px=512, overlap_px=0, at_most=1)
    assert tiles == (scene,)
    assert shown == (None, None, 90, "none: pixels are shown as they are")


@pytest.mark.parametrize("gsd_m", [0.2, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("offset", [0.0, 0.5])
async def test_tiles_at_a_ground_sampling_are_those_of_the_librarys_plan(
    gsd_m: float, offset: float
) -> None:
    tiles, shown = await tiles_of(HALF_METRE, gsd_m=gsd_m, offset=offset)
    plan = plan_tiles(HALF_METRE, 256, gsd_m, 0.25, offset)
    assert [view.window_xyxy_px for view in tiles] == [one.window_xyxy_px for one in plan.tiles()]
    assert [view.trusted_xyxy_px for view in tiles] == [one.trusted_xyxy_px for one in plan.tiles()]
    assert {view.shown_px for view in tiles} == {256}
    assert shown == (0.5, plan.gsd_m, 256, plan.resampling)
    assert plan.gsd_m == pytest.approx(gsd_m, rel=0.01)


async def test_tiles_larger_than_the_model_is_shown_say_that_they_are_averaged() -> None:
    scene = SceneView(IMAGE_ID, 9000, 9000, gsd_m=0.5, georeferenced=True)
    _, shown = await tiles_of(scene, side_px=2048)
    told = "averaged over areas, 2048 px of the scene to 1024 px or fewer"
    assert shown == (0.5, None, None, told)


@pytest.mark.parametrize(
    ("scene", "changed", "field", "limit"),
    [
        (HALF_METRE, {"at_most": 3}, "at_most", "3 tiles"),
        (HALF_METRE, {"overlap_px": 256}, "overlap_px", "less than side_px, 256"),
        (SceneView(IMAGE_ID, 900, 900), {"gsd_m": 1}, "gsd_m", "a georeferenced scene"),
        (HALF_METRE, {"gsd_m": 0.1}, "gsd_m", "0.125 to 8.98 m"),
        (HALF_METRE, {"gsd_m": 9}, "gsd_m", "0.125 to 8.98 m"),
        (HALF_METRE, {"gsd_m": 1, "side_px": 2048}, "side_px", "1024 px"),
    ],
)
async def test_what_cannot_be_is_refused_with_step_field_and_limit(
    scene: SceneView, changed: dict[str, float], field: str, limit: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await tiles_of(scene, **changed)
    assert refused.value.field == f"steps.tiles.with.{field}"
    assert limit in (refused.value.limit or "")
    assert refused.value.message.startswith(f"step tiles, {field}: ")


def workflow(gsd_m: str) -> str:
    return f"""
workflow: at-a-sampling
inputs: {{scene: scene}}
steps:
  - {{id: tiles, task: tile, with: {{scene: $scene, side_px: 128, gsd_m: {gsd_m}}}}}
  - {{id: words, task: caption, for_each: $tiles, with: {{image: $item}}}}
outputs: {{words: $words, how: $tiles.shown, number: $tiles.count}}
"""


@pytest.mark.parametrize("gsd_m", ["0", "-1", "20000", "fine"])
def test_an_absurd_ground_sampling_is_refused_before_anything_runs(gsd_m: str) -> None:
    with pytest.raises(WorkflowInvalid) as refused:
        compile_text(workflow(gsd_m))
    (fault,) = refused.value.diagnostics
    assert fault.step == "tiles" and "gsd_m" in str(fault)


async def test_the_model_is_shown_a_tile_at_the_ground_sampling_asked_for(
    workplace: Workplace, stages: Stages
) -> None:
    place: Any = UTM_HALF_METRE
    noise = np.random.default_rng(0).integers(0, 255, (3, 300, 400)).astype(np.uint8)
    scene = await workplace.scene(tiff(noise, **place))
    given: Any = await workplace.run("tile", scene=scene, side_px=128, overlap_px=32, gsd_m=1)
    (row,) = given["shown"].rows
    assert row == (pytest.approx(0.5, rel=1e-3), pytest.approx(1, rel=1e-2), 128, row[3])
    assert row[3].startswith("averaged over areas, ")
    view = given["tiles"][1]
    await workplace.run("caption", image=view)
    asked = stages.requests["EncodeImage"]
    assert (asked.window.x0_px, asked.window.y0_px, asked.window.side_px) == (0, 0, 128)
    cut = read_image(workplace.store.get_image(asked.image.digest, tenant="alpha"))
    assert cut.header.width_px == cut.header.height_px == 128
    x0, y0, x1, _ = map(int, view.window_xyxy_px)
    side_px = x1 - x0
    averaged = cut_window(
        noise.transpose(1, 2, 0)[y0 : y0 + side_px, x0:x1], Window(0, 0, side_px), 128
    )
    assert np.array_equal(cut.bands_CHW.transpose(1, 2, 0), averaged)


async def test_where_an_image_has_no_data_its_resampled_tiles_have_no_mask(
    workplace: Workplace, stages: Stages
) -> None:
    place: Any = UTM_HALF_METRE
    noise = np.random.default_rng(0).integers(1, 255, (3, 256, 512)).astype(np.uint8)
    noise[:, :, :70] = 0
    noise[:, :, 256:] = 0
    scene = await workplace.scene(tiff(noise, nodata=0, **place))
    given: Any = await workplace.run("tile", scene=scene, side_px=128, overlap_px=0, gsd_m=1)
    first, last = given["tiles"][0], given["tiles"][-1]
    masks: Any = (await workplace.run("segment", image=first, words="the pier"))["masks"]
    # The fakes draw 20, 10, 50, 40 in a picture of 128 px for 256 px of the scene, more or less.
    scale = (first.window_xyxy_px[2] - first.window_xyxy_px[0]) / 128
    (box,) = (mask.box_xyxy_px for mask in masks)
    assert box == pytest.approx((70, 10 * scale, 50 * scale, 40 * scale), abs=1)
    asked = stages.finished["EncodeImage"]
    assert await workplace.run("segment", image=last, words="the pier") == {"masks": ()}
    assert stages.finished["EncodeImage"] == asked


async def test_a_tile_without_data_is_shown_to_nobody(workplace: Workplace, stages: Stages) -> None:
    noise = np.random.default_rng(0).integers(1, 255, (3, 64, 256)).astype(np.uint8)
    noise[:, :, 100:] = 0
    scene = await workplace.scene(tiff(noise, nodata=0))
    given: Any = await workplace.run("tile", scene=scene, side_px=64, overlap_px=0)
    for view in given["tiles"]:
        await workplace.run("detect", image=view, labels=("ship",), at_most=9)
    # The second tile has some data, the third and the fourth have none.
    assert len(given["tiles"]) == 4 and stages.requests["EncodeImage"].window.x0_px == 64
    empty = given["tiles"][2]
    for task, asked, nothing in (
        ("caption", {}, {"text": ""}),
        ("segment", {"words": "the pier"}, {"masks": ()}),
        ("segment_regions", {"regions": (Region((140.0, 9.0, 160.0, 30.0)),)}, {"masks": ()}),
    ):
        assert await workplace.run(task, image=empty, **asked) == nothing
    assert stages.requests["EncodeImage"].window.x0_px == 64


async def test_what_was_done_to_show_a_thing_is_told_in_every_file_of_it(
    workplace: Workplace, tmp_path: Path
) -> None:
    place: Any = UTM_HALF_METRE
    noise = np.random.default_rng(0).integers(1, 255, (3, 256, 512)).astype(np.uint8)
    scene = await workplace.scene(tiff(noise, **place))
    given: Any = await workplace.run("tile", scene=scene, side_px=128, overlap_px=32, gsd_m=1)
    seen: list[Any] = []
    for view in given["tiles"]:
        seen.append((await workplace.run("segment", image=view, words="the pier"))["masks"])
        asked = await workplace.run("detect", image=view, labels=("ship",), at_most=1)
        seen.append(asked["regions"])
    things: Any = (await workplace.run("merge", regions=tuple(seen)))["regions"]
    told = given["shown"].rows[0][3]
    assert told.startswith("averaged over areas, 0.5 m to ")

    async def resampling_in(regions: Any) -> tuple[Any, list[Any]]:
        found = await workplace.run("export_geojson", regions=regions)
        collection = json.loads(workplace.read(found["file"]))
        features = collection["features"]
        gsds_m = [feature["properties"]["shown_gsd_m"] for feature in features]
        return collection["earthgptx"].get("resampling"), gsds_m

    words, gsds_m = await resampling_in(things)
    assert f"{words} (the model's 1 m)" == told
    assert len(gsds_m) >= 2 and gsds_m == pytest.approx([1.0] * len(gsds_m), rel=0.02)
    layer = tmp_path / "layer.gpkg"
    found = await workplace.run("export_geopackage", scene=scene, regions=things)
    layer.write_bytes(workplace.read(found["file"]))
    described = pyogrio.read_info(layer, layer="objects")["layer_metadata"]["DESCRIPTION"]
    assert described.endswith(f"; resampling: {words}")
    item = await workplace.run(
        "export_stac", scene=scene, regions=things, files=(), weights="https://models.example/nano"
    )
    stac = json.loads(workplace.read(item["file"]))
    assert stac["properties"]["mlm:input"][0]["description"].endswith(f"; resampling: {words}")

    # Seen as it is stored, seen at two samplings, and not seen at all but drawn by hand.
    whole: Any = (await workplace.run("segment", image=scene, words="the pier"))["masks"]
    assert await resampling_in(whole) == ("none: pixels are shown as they are", [0.5])
    both, _ = await resampling_in((*things, *whole))
    assert both == f"from view to view: none: pixels are shown as they are; to: {words}"
    assert await resampling_in((Region((1.0, 2.0, 30.0, 40.0)),)) == (None, [None])
