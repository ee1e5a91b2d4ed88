from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shared.errors import InvalidInput, NotFound, QueueFull, StageUnavailable, TensorGone
from tests.fakes import CLEAN_ANSWER, INSTANCES, Stages
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.pictures import png
from workflow_language.region_sets import Drawn, Region
from workflow_language.values import SceneView

SHIPS = ((9.6, 3.2, 28.8, 22.4), (48.0, 32.0, 57.6, 41.6))
DRAWN_BOX = (20, 10, 50, 40)


@pytest.fixture
async def scene(workplace: Workplace) -> SceneView:
    return await workplace.scene(png(96, 64), modality="sar")


async def test_a_question_is_asked_as_it_stands(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    quay = Region((1, 2, 30, 40), "quay")
    given = await workplace.run(
        "answer", image=scene, question="Is <Region 1> wet?", regions=(quay,), max_new_tokens=7
    )
    assert given == {"text": CLEAN_ANSWER}
    asked = stages.requests["Generate"]
    assert (asked.question, asked.max_new_tokens) == ("Is <Region 1> wet?", 7)
    window = stages.requests["EncodeImage"].window
    assert (window.x0_px, window.y0_px, window.side_px) == (0, -16, 96)
    assert stages.requests["EncodeImage"].modality == 2
    (marked,) = stages.requests["EncodePrompts"].regions
    assert (marked.marks[0].box.x1_px, marked.marks[0].box.y1_px) == (30, 40)


async def test_a_part_of_a_scene_is_looked_at_alone(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    part = SceneView(scene.image_id, 96, 64, window_xyxy_px=(10.0, 20.0, 50.0, 40.0))
    await workplace.run("caption", image=part)
    window = stages.requests["EncodeImage"].window
    assert (window.x0_px, window.y0_px, window.side_px) == (10, 10, 40)
    assert stages.requests["EncodeImage"].modality == 0


async def test_things_that_are_detected_have_label_score_and_scene(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.answer = "<p>2 ships</p>[SEG]"
    given = await workplace.run("detect", image=scene, labels=("ship", "box", " ship"), at_most=3)
    regions: Any = given["regions"]
    assert [(region.label, region.score) for region in regions] == [
        *(("ship", 0.75), ("box", 0.75), ("ship", 0.5)),
    ]
    assert {region.image_id for region in regions} == {scene.image_id}
    assert {region.box_xyxy_px for region in regions} == {box for box, _ in INSTANCES}
    assert stages.calls["Generate"] == stages.calls["DecodeMasks"] == 2
    assert stages.requests["Generate"].question in ("detect all ships.", "detect all boxes.")


async def test_what_is_larger_is_searched_in_squares_and_each_thing_is_found_once(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.answer = "<p>2 ships</p>[SEG]"
    given = await workplace.run("detect", image=scene, labels=("ship",), side_px=64, at_most=100)
    regions: Any = given["regions"]
    assert stages.calls["Generate"] == 2
    # The fakes find both in either square; only the second ship lies where both look.
    found = Counter(region.box_xyxy_px for region in regions)
    assert [found[box] for box, _ in INSTANCES] == [2, 1]


async def test_a_small_image_is_searched_at_once(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    await workplace.run("detect", image=scene, labels=("ship",), side_px=96, at_most=100)
    assert stages.calls["Generate"] == 1


async def test_more_squares_than_a_task_looks_at_are_refused(
    workplace: Workplace, stages: Stages
) -> None:
    long = await workplace.scene(png(64 * 66, 64))
    with pytest.raises(InvalidInput) as refused:
        await workplace.run("detect", image=long, labels=("ship",), side_px=64)
    assert refused.value.field == "steps.step.with.side_px"
    assert (refused.value.limit or "").startswith("64 squares")
    assert not stages.calls


async def test_boxes_that_an_answer_says_in_words_have_no_score(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    given = await workplace.run("detect", image=scene, labels=("ship",))
    regions: Any = given["regions"]
    assert [region.score for region in regions] == [None, None]
    assert regions[0].box_xyxy_px == pytest.approx(SHIPS[0])


async def test_where_nothing_is_detected_no_box_is_asked_about(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.answer = "no ships"
    assert await workplace.run("detect", image=scene, labels=("ship",)) == {"regions": ()}
    assert stages.calls["EncodePrompts"] == stages.calls["DecodeMasks"] == 0


async def test_what_is_outlined_by_words_is_in_parts_with_their_own_boxes(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    given = await workplace.run("segment", image=scene, words="the pier.")
    (pier,) = given["masks"]  # type: ignore[misc]
    assert (pier.label, pier.box_xyxy_px, pier.area_px) == ("pier", DRAWN_BOX, 900)
    assert stages.requests["Generate"].question == "segment the pier."
    assert pier.mask.height_px, pier.mask.width_px == (64, 96)


async def test_each_region_is_outlined_in_its_place_and_calls_are_bounded(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    regions = tuple(Region((0, 0, 90, 60 - n / 10), f"thing {n}") for n in range(70))
    given = await workplace.run("segment_regions", image=scene, regions=regions)
    masks: Any = given["masks"]
    assert [mask.label for mask in masks] == [region.label for region in regions]
    assert stages.calls["DecodeMasks"] == 2
    assert len(stages.requests["DecodeMasks"].queries) == 6


async def test_small_regions_are_looked_at_closely(workplace: Workplace, stages: Stages) -> None:
    large = await workplace.scene(png(960, 640))
    small = Region((800, 500, 810, 512))
    await workplace.run("segment_regions", image=large, regions=(small,))
    window = stages.requests["EncodeImage"].window
    assert window.side_px == 120
    assert window.x0_px <= 800 and window.x0_px + 120 >= 810


@pytest.mark.parametrize(
    ("region", "shape"),
    [
        (Region((0, 0, 64, 64), drawn=Drawn("point", ((5, 6),))), "point"),
        (Region((0, 0, 9, 9), drawn=Drawn("polygon", ((0, 0), (9, 0), (9, 9)))), "polygon"),
        (Region((0, 0, 9, 9), drawn=Drawn("scribble", ((0, 0), (9, 9)))), "scribble"),
        (Region((0, 0, 9, 9)), "box"),
    ],
)
async def test_a_region_is_marked_as_it_was_drawn(
    workplace: Workplace, stages: Stages, scene: SceneView, region: Region, shape: str
) -> None:
    await workplace.run("caption_regions", image=scene, regions=(region,))
    (mark,) = stages.requests["EncodePrompts"].regions[0].marks
    assert mark.WhichOneof("shape") == shape


async def test_a_mask_is_marked_by_its_pixels(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    outlined = await workplace.run("segment", image=scene, words="the pier")
    await workplace.run("classify_regions", image=scene, regions=outlined["masks"])
    (mark,) = stages.requests["EncodePrompts"].regions[0].marks
    assert mark.mask.counts == outlined["masks"][0].mask.counts  # type: ignore[index, union-attr]


async def test_every_region_is_asked_about_by_itself(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.answer = "a ship"
    two = (Region((0, 0, 9, 9), "thing", score=0.5), Region((20, 0, 39, 9)))
    named = await workplace.run("classify_regions", image=scene, regions=two)
    assert named["regions"] == (
        Region((0, 0, 9, 9), "ship", score=0.5),
        Region((20, 0, 39, 9), "ship"),
    )
    assert stages.requests["Generate"].question == "what is <Region 1>?"
    assert stages.calls["Generate"] == 2
    other = await workplace.run("classify_regions", image=scene, regions=two, labels=("crane",))
    assert [region.label for region in other["regions"]] == [None, None]  # type: ignore[union-attr]


async def test_a_scene_of_another_kind_is_other(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.answer = "harbour"
    assert await workplace.run("classify_scene", image=scene) == {"label": "harbour"}
    kinds = ("harbor", "airport")
    assert await workplace.run("classify_scene", image=scene, labels=kinds) == {"label": "harbor"}
    stages.answer = "a forest"
    assert await workplace.run("classify_scene", image=scene, labels=kinds) == {"label": "other"}


async def test_a_grounded_caption_has_words_and_what_they_mention(
    workplace: Workplace, scene: SceneView
) -> None:
    given = await workplace.run("grounded_caption", image=scene)
    (pier,) = given["masks"]  # type: ignore[misc]
    assert (given["text"], pier.label, pier.score) == (CLEAN_ANSWER, "pier", 0.75)


@pytest.mark.parametrize("count", [1, 65])
async def test_relating_needs_some_regions_and_not_too_many(
    workplace: Workplace, scene: SceneView, count: int
) -> None:
    with pytest.raises(InvalidInput, match=f"{count} regions were given"):
        await workplace.run("relate", image=scene, regions=(Region((0, 0, 9, 9)),) * count)


async def test_features_that_are_gone_are_made_again(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.fail_next = {"Generate": [TensorGone("gone")], "DecodeMasks": [TensorGone("gone")]}
    given = await workplace.run("segment", image=scene, words="the pier")
    assert len(given["masks"]) == 1  # type: ignore[arg-type]
    assert stages.calls["EncodeImage"] == 3


async def test_features_that_are_gone_again_and_again_are_a_passing_failure(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.fail_next = {"Generate": [TensorGone("gone")] * 50}
    with pytest.raises(StageUnavailable, match="lost again and again"):
        await workplace.run("caption", image=scene)
    assert stages.calls["Generate"] < 15


async def test_what_a_stage_refuses_reaches_the_run_as_it_is(
    workplace: Workplace, stages: Stages, scene: SceneView
) -> None:
    stages.fail_next = {"EncodeImage": [QueueFull("full", retry_after_s=2.0)]}
    with pytest.raises(QueueFull) as refused:
        await workplace.run("detect", image=scene, labels=("ship", "car", "crane"))
    assert refused.value.retry_after_s == 2.0


async def test_the_image_of_another_tenant_is_an_unknown_one(workplace: Workplace) -> None:
    foreign = await workplace.scene(png(96, 64), tenant="beta")
    with pytest.raises(NotFound):
        await workplace.run("caption", image=foreign)
