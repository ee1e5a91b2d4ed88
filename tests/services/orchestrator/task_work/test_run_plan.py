"""The shipped workflows, step by step in this process."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from earthgptx.data.labelled_image import Modality
from earthgptx.data.synthetic.scene import generate_scene
from shared.errors import InvalidInput
from tests.earthgptx.imagery.files import encode, north_up, tiff
from tests.fakes import Stages
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.orchestrator.task_work.run_plan import run_plan
from tests.services.orchestrator.task_work.shipped import NAMES, check, run
from workflow_language import compile_text
from workflow_language.values import File

MODALITIES: dict[str, Modality] = {"harbour_watch": "sar", "thermal_search": "infrared"}


def grey() -> bytes:
    """One band, as every sensor may have it."""
    pixels_HW = np.random.default_rng(0).integers(0, 120, (64, 96), dtype=np.uint8)
    return encode(pixels_HW, "PNG")


def inputs_of(name: str, image_id: str) -> dict[str, Any]:
    match name:
        case "change_between_dates":
            return {"before": image_id, "after": image_id}
        case "thermal_search":
            return {"frames": [image_id, image_id]}
    return {"scene": image_id}


@pytest.mark.parametrize("name", NAMES)
async def test_a_shipped_workflow_runs_to_its_end(workplace: Workplace, name: str) -> None:
    scene = await workplace.scene(grey())
    plan, outputs = await run(workplace, name, **inputs_of(name, scene.image_id))
    check(workplace, plan, outputs)
    assert any(isinstance(value, File) for value in outputs.values())


async def test_what_the_fakes_see_is_found_counted_and_outlined(
    workplace: Workplace, stages: Stages
) -> None:
    stages.answer = "<p>2 ships</p>[SEG]"
    scene = await workplace.scene(grey())
    _, outputs = await run(workplace, "harbour_watch", scene=scene.image_id)
    assert outputs["how_many"] == 2
    assert [ship.label for ship in outputs["ships"]] == ["ship", "ship"]  # type: ignore[union-attr]
    features = json.loads(workplace.read(outputs["map"]))["features"]
    assert [feature["properties"]["area_px"] for feature in features] == [900, 900]


async def test_where_nothing_is_found_steps_are_skipped_and_the_run_ends_well(
    workplace: Workplace, stages: Stages
) -> None:
    stages.answer = "no ships"
    scene = await workplace.scene(grey())
    plan, outputs = await run(workplace, "harbour_watch", scene=scene.image_id)
    check(workplace, plan, outputs)
    assert outputs["how_many"] == 0 and "map" not in outputs and "picture" in outputs


async def test_a_step_that_fails_ends_the_run_with_its_reason(workplace: Workplace) -> None:
    plan = compile_text("""
workflow: too-many-tiles
inputs: {scene: scene}
steps: [{id: tiles, task: tile, with: {scene: $scene, side_px: 64, overlap_px: 0, at_most: 1}}]
outputs: {tiles: $tiles}
""")
    scene = await workplace.scene(grey())
    with pytest.raises(InvalidInput, match="the scene has 2 tiles"):
        await run_plan(plan, {"scene": scene}, workplace.parts, tenant="alpha")


def scene_file(seed: int, modality: Modality) -> bytes:
    """A scene as a sensor sees it, half a metre a pixel, as GeoTIFF."""
    place = {"crs": "EPSG:32633", "transform": north_up(500_000, 5_400_000, 0.5)}
    pixels_HWC = generate_scene(seed, 256).render(modality)
    return tiff(np.ascontiguousarray(np.moveaxis(pixels_HWC, 2, 0)), **place)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
async def test_a_shipped_workflow_runs_on_the_real_stages(
    real_workplace: Workplace, name: str
) -> None:
    files = [scene_file(seed, MODALITIES.get(name, "optical")) for seed in (0, 1)]
    ids = [(await real_workplace.scene(file)).image_id for file in files]
    given = inputs_of(name, ids[0])
    if name == "change_between_dates":
        given["after"] = ids[1]
    plan, outputs = await run(real_workplace, name, **given)
    check(real_workplace, plan, outputs)
    for value in outputs.values():
        if isinstance(value, File) and value.media_type == "image/png":
            Image.open(io.BytesIO(real_workplace.read(value))).verify()
