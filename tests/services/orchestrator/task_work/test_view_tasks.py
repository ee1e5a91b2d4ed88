from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.orchestrator.task_work.differences import find_differences
from services.orchestrator.task_work.view_tasks import zoom
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.pictures import png
from workflow_language.region_sets import Region
from workflow_language.values import SceneView

IMAGE_ID = "sha256:" + "0f" * 32
NOTHING: Any = None


@given(
    st.integers(1, 2000),
    st.integers(1, 2000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.01, 1),
    st.floats(1, 64),
)
@settings(max_examples=60, deadline=None)
async def test_a_view_has_the_region_in_it_and_no_more_beyond_the_scene_than_need_be(
    width: int, height: int, x: float, y: float, share: float, context: float
) -> None:
    box = (x * width * (1 - share), y * height * (1 - share))
    region = Region((*box, box[0] + width * share, box[1] + height * share))
    arguments: Any = {"image": SceneView(IMAGE_ID, width, height), "region": region}
    view: Any = (await zoom(NOTHING, arguments | {"context": context}))["image"]
    x0, y0, x1, y1 = view.window_xyxy_px
    assert x1 - x0 == y1 - y0 <= max(width, height)
    for low, high, first, last, length in (
        (x0, x1, *region.box_xyxy_px[::2], width),
        (y0, y1, *region.box_xyxy_px[1::2], height),
    ):
        assert low - 1 <= first and last <= high + 1
        assert (low >= 0 and high <= length) or high - low >= length


async def test_a_view_keeps_what_is_known_of_its_scene() -> None:
    scene = SceneView(IMAGE_ID, 900, 600, gsd_m=0.5, modality="sar", georeferenced=True)
    arguments: Any = {"image": scene, "region": Region((400, 300, 420, 310)), "context": 3}
    view: Any = (await zoom(NOTHING, arguments | {"side_px": 448}))["image"]
    assert view.window_xyxy_px == (380, 275, 440, 335)
    assert (view.side_px, view.gsd_m, view.modality) == (448, 0.5, "sar")


async def test_pictures_are_those_of_the_view(workplace: Workplace) -> None:
    scene = await workplace.scene(png(96, 64))
    pixels_HWC = np.asarray(Image.open(io.BytesIO(png(96, 64))))

    async def shown(longest_px: int = 2048, **changes: Any) -> Any:
        view = SceneView(scene.image_id, 96, 64, **changes)
        return await workplace.parts.images.pixels(view, longest_px, tenant="alpha")

    assert (await shown() == pixels_HWC).all()
    part = await shown(window_xyxy_px=(10.0, 0.0, 40.0, 30.0))
    assert (part == pixels_HWC[:30, 10:40]).all()
    assert (await shown(window_xyxy_px=(10.0, 0.0, 40.0, 30.0), side_px=90)).shape == (90, 90, 3)
    assert (await shown(48)).shape == (32, 48, 3)
    beyond = await shown(window_xyxy_px=(80.0, 50.0, 112.0, 82.0))
    assert (beyond[:14, :16] == pixels_HWC[50:, 80:]).all() and not beyond[14:].any()


def test_a_place_that_changed_is_found_and_noise_is_not() -> None:
    noise = np.random.default_rng(3)
    earlier = noise.integers(60, 120, (200, 300, 3)).astype(np.uint8)
    later = np.clip(earlier.astype(int) + noise.integers(-9, 9, earlier.shape), 0, 255)
    later[50:90, 100:160] = 250
    later[150:153, 20:22] = 250
    (found,), share = find_differences(earlier, later.astype(np.uint8), 0.25)
    assert found.box_xyxy_px == pytest.approx((100, 50, 160, 90), abs=2)
    assert share == pytest.approx(40 * 60 / (200 * 300), abs=0.003)
    assert found.score is not None and 0.4 < found.score < 0.9


async def test_changes_are_told_in_pixels_of_the_later_scene(workplace: Workplace) -> None:
    pixels_HWC = np.full((64, 96, 3), 90, np.uint8)
    before = await workplace.scene(_file(pixels_HWC))
    pixels_HWC[20:40, 50:70] = 255
    after = await workplace.scene(_file(np.repeat(np.repeat(pixels_HWC, 2, 0), 2, 1)))
    given = await workplace.run("compare", before=before, after=after, threshold=0.3)
    (place,) = given["regions"]  # type: ignore[misc]
    assert place.box_xyxy_px == pytest.approx((100, 40, 140, 80), abs=3)
    assert place.image_id == after.image_id
    same = await workplace.run("compare", before=before, after=before)
    assert same == {"regions": (), "share": 0.0}


async def test_things_of_two_dates_are_matched(workplace: Workplace) -> None:
    before = (Region((0, 0, 9, 9), "a"), Region((20, 0, 29, 9), "b"))
    after = (Region((0, 1, 9, 10), "c"), Region((50, 0, 59, 9), "d"))
    given = await workplace.run("match", before=before, after=after)
    assert given == {"appeared": after[1:], "vanished": before[1:], "remained": after[:1]}


def _file(pixels_HWC: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "PNG")
    return file.getvalue()
