from typing import Any

import pytest

from workflow_language import WorkflowInvalid, compile_text
from workflow_language.inputs import read_inputs
from workflow_language.region_sets import Drawn, Region
from workflow_language.value_json import value_to_json
from workflow_language.values import SceneView

KNOWN = "sha256:" + "0f" * 32
OTHER = "sha256:" + "a1" * 32
MISSING = "sha256:" + "00" * 32
PLAN = compile_text("""
workflow: things-of-all-kinds
inputs:
  scene: {type: scene, modality: sar}
  frames: {type: list of image, at_most: 2, default: []}
  marks: {type: regions, default: [{point: [5, 6]}]}
  words: {type: list of text, default: [ship]}
  least: {type: number, default: 0.5, description: how sure at least}
steps:
  - {id: seen, task: detect, with: {image: $scene, labels: $words}}
  - {id: each, task: detect, for_each: $frames, with: {image: $item, labels: $words}}
  - {id: sure, task: filter, with: {regions: $seen, where: score > $least}}
  - {id: masks, task: segment_regions, with: {image: $scene, regions: $marks}}
outputs: {sure: $sure, each: $each, masks: $masks}
""")


async def find(image_id: str) -> SceneView | None:
    return SceneView(image_id, 90, 60) if image_id in (KNOWN, OTHER) else None


async def read(**given: Any) -> dict[str, Any]:
    return await read_inputs(PLAN.definition, given, find)


async def test_what_is_not_given_has_its_default() -> None:
    values = await read(scene=KNOWN)
    assert values == {
        "scene": SceneView(KNOWN, 90, 60, modality="sar"),
        "frames": (),
        "marks": (Region((-27.0, -26.0, 37.0, 38.0), drawn=Drawn("point", ((5, 6),))),),
        "words": ("ship",),
        "least": 0.5,
    }


async def test_one_will_do_where_several_are_wanted() -> None:
    values = await read(scene=KNOWN, frames=OTHER, words="crane", marks={"box": [1, 2, 3, 4]})
    assert values["frames"] == (SceneView(OTHER, 90, 60),)
    assert values["words"] == ("crane",)
    assert values["marks"] == (Region((1, 2, 3, 4)),)


async def test_a_polygon_and_a_stroke_keep_their_shape() -> None:
    ring = [[0, 0], [9, 1], [4, 8]]
    values = await read(
        scene=KNOWN, marks=[{"polygon": ring, "label": "pier"}, {"scribble": [[3, 2], [3, 9]]}]
    )
    pier, stroke = values["marks"]
    assert pier == Region((0, 0, 9, 8), "pier", drawn=Drawn("polygon", ((0, 0), (9, 1), (4, 8))))
    assert stroke.box_xyxy_px == (2.5, 2, 3.5, 9) and stroke.drawn.shape == "scribble"


async def test_regions_that_another_run_gave_are_taken_as_they_are() -> None:
    ship = Region((1.5, 2, 30, 40), "ship", score=0.75, image_id=KNOWN)
    assert (await read(scene=KNOWN, marks=[value_to_json(ship)]))["marks"] == (ship,)


async def test_every_fault_is_told_with_its_input() -> None:
    with pytest.raises(WorkflowInvalid) as refused:
        await read(frames=[KNOWN, MISSING], words=[1], least="much", lest=1, marks=[{"box": [1]}])
    told = {fault.field: fault for fault in refused.value.diagnostics}
    assert told["inputs.scene"].code == "missing_input"
    assert told["inputs.frames"].message == (
        f"has an item that names an image that is not there: {MISSING}"
    )
    assert told["inputs.words"].message == "has an item that is not a text"
    assert str(told["inputs.least"]) == "inputs.least: is not a number; least is how sure at least"
    assert told["inputs.marks"].message.startswith("has an item that has a box that is not 4")
    assert told["inputs.lest"].advice == "did you mean least?"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"frames": [KNOWN] * 3}, "has 3 items, more than 2"),
        ({"words": "x" * 9000}, "has a text of 9,000 characters"),
        ({"words": "\x00"}, "a character that text may not have"),
        ({"scene": "harbour.tif"}, "is no image id"),
        ({"least": True}, "is not a number"),
        ({"marks": [{"box_xyxy_px": [0, 0, 1, 1], "colour": "red"}]}, "an odd member 'colour'"),
    ],
)
async def test_what_is_too_much_or_of_another_type_is_refused(
    given: dict[str, Any], fault: str
) -> None:
    with pytest.raises(WorkflowInvalid, match=fault):
        await read(**{"scene": KNOWN, **given})
