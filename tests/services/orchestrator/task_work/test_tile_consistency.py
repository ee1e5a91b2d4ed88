"""What a workflow finds in a scene does not hang on where the grid of tiles lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from earthgptx.imagery.display import to_display
from earthgptx.imagery.masks import decode_rle, encode_rle, mask_box_xyxy_px
from earthgptx.imagery.read import read_image
from earthgptx.imagery.windows import cut_window
from earthgptx.scenes.interpret import interpret_scene
from earthgptx.scenes.model import TileView
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import Tile, plan_tiles
from services.gateway.large_uploads import LargeUploads
from services.orchestrator.task_work.arguments import Arguments, view_in
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.outlines import as_found
from services.orchestrator.task_work.registry import TASK_WORK
from services.orchestrator.task_work.sightings import sight
from services.orchestrator.task_work.views import seen_in, window_of
from shared.interpretation.events import MaskDrawn
from tests.earthgptx.scenes.generated import (
    UTM_HALF_METRE,
    ThresholdModel,
    blobs,
    iou,
    mask_of,
    picture_of,
    write_scene,
)
from tests.services.orchestrator.task_work.conftest import Workplace, uploaded
from tests.services.orchestrator.task_work.run_plan import run_plan
from workflow_language import compile_text
from workflow_language.values import MaskPixels, SceneView, Value

HEIGHT, WIDTH = 900, 1150
PLAN = """
workflow: tanks
inputs: {scene: scene, moved: number}
steps:
  - id: tiles
    task: tile
    with: {scene: $scene, side_px: 256, overlap_px: 64, offset: $moved, %s}
  - {id: seen, task: segment, for_each: $tiles, with: {image: $item, words: all tanks}}
  - {id: tanks, task: merge, with: {regions: $seen}}
outputs: {tanks: $tanks, shown: $tiles.shown}
"""


class ThresholdSegment:
    """`segment` by a model that sees bright things in the pixels that the stages would read."""

    def __init__(self) -> None:
        self.tiles = 0

    async def __call__(self, context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        view = view_in(arguments, "image")
        seen = await sight(context, view, window_of(view))
        assert seen is not None
        self.tiles += 1
        store = context.parts.images._store
        data = store.get_image(seen.image.image_id, tenant=context.tenant)
        shown_HWC = to_display(read_image(data), None).pixels_HWC
        pixels_HWC = cut_window(shown_HWC, seen.window, round(seen.window.side_px))
        tile = Tile(0, 0, 0, 0, pixels_HWC.shape[0], (0, 0, 0, 0))
        (instances,) = ThresholdModel()([TileView(tile, pixels_HWC, None, 0.0)])
        found = []
        for instance in instances:
            assert instance.mask_HW is not None
            mask_HW = np.zeros(shown_HWC.shape[:2], np.bool_)
            x0, y0 = int(seen.window.x0_px), int(seen.window.y0_px)
            part_HW = mask_HW[y0 : y0 + tile.side_px, x0 : x0 + tile.side_px]
            part_HW[:] = instance.mask_HW[: part_HW.shape[0], : part_HW.shape[1]]
            drawn = MaskDrawn(
                "",
                0,
                *encode_rle(mask_HW),
                instance.score,
                int(mask_HW.sum()),
                mask_box_xyxy_px(mask_HW),
            )
            placed = as_found(seen.mask(drawn), "tank", view.image_id, seen_in(view))
            found += [placed] if placed else []
        return {"masks": tuple(found)}


@pytest.fixture(scope="module")
def truth() -> npt.NDArray[np.bool_]:
    return blobs(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def path(truth: npt.NDArray[np.bool_], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Any = UTM_HALF_METRE
    return write_scene(tmp_path_factory.mktemp("scene") / "tanks.tif", picture_of(truth), **place)


def pixels_of(things: Any) -> npt.NDArray[np.bool_]:
    mask_HW = np.zeros((HEIGHT, WIDTH), np.bool_)
    for thing in things:
        assert isinstance(thing.mask, MaskPixels)
        mask_HW |= decode_rle(HEIGHT, WIDTH, thing.mask.counts)
    return mask_HW


@pytest.mark.parametrize("by_parts", [False, True], ids=["image", "by-parts"])
@pytest.mark.parametrize("gsd_m", [None, 1.0, 0.3])
@pytest.mark.timeout(60)
async def test_a_grid_moved_by_half_a_tile_changes_less_than_two_percent(
    workplace: Workplace,
    uploads: LargeUploads,
    path: Path,
    truth: npt.NDArray[np.bool_],
    by_parts: bool,
    gsd_m: float | None,
) -> None:
    scene = await (uploaded(uploads, path) if by_parts else workplace.scene(path.read_bytes()))
    assert (await image_of(workplace, scene)).record.by_window == by_parts
    found, tiles = [], []
    plan = compile_text(PLAN % (f"gsd_m: {gsd_m}" if gsd_m else "at_most: 200"))
    for moved in (0, 0.5):
        segment = ThresholdSegment()
        outputs: Any = await run_plan(
            plan,
            {"scene": scene, "moved": moved},
            workplace.parts,
            tenant="alpha",
            task_work={**TASK_WORK, "segment": segment},
        )
        found.append(outputs["tanks"])
        tiles.append(segment.tiles)
        assert ("none" in outputs["shown"].rows[0][3]) == (gsd_m is None)
    assert tiles[0] != tiles[1]
    assert len(found[0]) == len(found[1])
    assert iou(pixels_of(found[0]), pixels_of(found[1])) > 0.98
    assert iou(pixels_of(found[0]), truth) > 0.9
    with open_scene(path) as opened:
        known = interpret_scene(
            opened, plan_tiles(opened.header, 256, gsd_m or 0.0), ThresholdModel()
        )
    assert len(known.objects) == len(found[0])
    assert iou(pixels_of(found[0]), mask_of(known)) > 0.98


async def image_of(workplace: Workplace, scene: SceneView) -> Any:
    return await workplace.parts.images.find(scene.image_id, tenant="alpha")
