from __future__ import annotations

from typing import Any

import pytest

from services.orchestrator.task_work.resolve import (
    ValuesOfRun,
    arguments_of,
    is_wanted,
    items_of,
    outputs_of,
    written_images,
)
from shared.errors import InvalidInput
from workflow_language import Plan, compile_text
from workflow_language.compiler.plan import PlannedStep
from workflow_language.region_sets import Region, filter_regions
from workflow_language.values import SceneView

WRITTEN = "sha256:" + "0f" * 32
SCENE = SceneView("sha256:" + "a1" * 32, 96, 64, modality="sar", gsd_m=0.25)
SHIP, CRANE = Region((0, 0, 9, 9), "ship", score=0.9), Region((5, 5, 20, 9), score=0.2)
PLAN = compile_text(f"""
workflow: all-ways-to-name-a-value
inputs:
  scene: {{type: scene, modality: sar}}
  marks: {{type: regions, at_most: 3}}
  kinds: {{type: list of text, default: [ship]}}
  least: {{type: number, default: 0.5}}
  size: {{type: number, default: 800}}
steps:
  - {{id: tiles, task: tile, with: {{scene: $scene, side_px: $size}}}}
  - {{id: seen, task: detect, for_each: $tiles, as: part, with: {{image: $part, labels: $kinds}}}}
  - {{id: all_of_them, task: merge, with: {{regions: $seen}}}}
  - id: sure
    task: filter
    with: {{regions: $all_of_them, where: "score >= $least and label in $kinds"}}
  - id: close
    task: zoom
    for_each: $marks
    when: $item.score > 0.5
    with: {{image: {WRITTEN}, region: $item}}
  - {{id: said, task: caption, for_each: $close, with: {{image: $item}}}}
  - id: named
    task: answer
    for_each: $marks
    with:
      image: $scene
      question: "${{item.label}} at ${{scene.gsd_m}} m ($$1)?"
      regions: $item
  - {{id: mask, task: segment, when: $sure.count > 1, with: {{image: $scene, words: all ships}}}}
  - {{id: count, task: count, with: {{regions: $mask}}}}
  - id: report
    task: export_report
    with:
      title: "${{all_of_them.count}} of them"
      parts: [a text, 3, $mask, $said, $count.number]
  - {{id: number, task: count, with: {{regions: [$marks, $mask]}}}}
  - {{id: found, task: count, with: {{regions: {{box: [1, 2, 3, 4], label: pier}}}}}}
outputs: {{sure: $sure, report: $report, counted: $count.number, number: $number.number, all: $seen,
  named: $named, found: $found.number}}
""")


def step(id_: str, plan: Plan = PLAN) -> PlannedStep:
    return next(each for each in plan.steps if each.id == id_)


def values(**outputs: Any) -> ValuesOfRun:
    inputs = {"scene": SCENE, "marks": (SHIP, CRANE), "kinds": ("ship",), "least": 0.5, "size": 800}
    return ValuesOfRun(inputs, outputs, {WRITTEN: SceneView(WRITTEN, 10, 10)})


def test_inputs_and_defaults_become_arguments() -> None:
    assert arguments_of(step("tiles"), values()) == {
        "scene": SCENE,
        "side_px": 800,
        "overlap_px": 128,
        "offset": 0,
        "at_most": 256,
    }


def test_a_value_that_only_the_run_knows_is_held_against_the_limits() -> None:
    given = values()
    tiny = ValuesOfRun({**given.inputs, "size": 10}, {})
    with pytest.raises(InvalidInput, match="side_px is 10, less than 64") as refused:
        arguments_of(step("tiles"), tiny)
    assert refused.value.field == "steps.tiles.with.side_px"


def test_the_item_stands_where_it_is_named() -> None:
    (tile,) = items_of(step("seen"), values(tiles={"tiles": (SCENE,)}))
    arguments = arguments_of(step("seen"), values(tiles={"tiles": (SCENE,)}), tile)
    assert arguments == {"image": SCENE, "labels": ("ship",), "at_most": 100}


def test_regions_of_items_come_as_a_list_of_them() -> None:
    seen = values(seen={"regions": ((SHIP,), (), (CRANE, SHIP))})
    assert arguments_of(step("all_of_them"), seen)["regions"] == ((SHIP,), (), (CRANE, SHIP))


def test_one_region_becomes_regions_where_several_are_wanted() -> None:
    assert arguments_of(step("named"), values(), SHIP)["regions"] == (SHIP,)
    assert arguments_of(step("found"), values())["regions"] == ((Region((1, 2, 3, 4), "pier"),),)


def test_values_stand_in_texts_and_what_is_not_known_is_said_to_be() -> None:
    assert arguments_of(step("named"), values(), SHIP)["question"] == "ship at 0.25 m ($1)?"
    assert arguments_of(step("named"), values(), CRANE)["question"] == ("not known at 0.25 m ($1)?")


def test_a_condition_on_regions_is_bound_to_the_values_it_names() -> None:
    given = values(all_of_them={"regions": (SHIP, CRANE)})
    where = arguments_of(step("sure"), given)["where"]
    kept = filter_regions((SHIP, CRANE), where.expression, where.value_of)  # type: ignore[union-attr]
    assert kept == (SHIP,)


def test_an_image_that_is_written_out_is_looked_up_beforehand() -> None:
    assert written_images(step("close")) == {WRITTEN}
    assert arguments_of(step("close"), values(), SHIP)["image"] == SceneView(WRITTEN, 10, 10)
    assert all(not written_images(each) for each in PLAN.steps if each.id != "close")


def test_a_condition_on_the_item_leaves_items_out() -> None:
    assert is_wanted(step("close"), values())
    assert [is_wanted(step("close"), values(), item) for item in (SHIP, CRANE)] == [True, False]


def test_a_step_whose_condition_does_not_hold_is_skipped_and_what_takes_its_value() -> None:
    few = {"sure": {"regions": (SHIP,)}}
    assert not is_wanted(step("mask"), values(**few))
    assert is_wanted(step("mask"), values(sure={"regions": (SHIP, CRANE)}))
    assert not is_wanted(step("count"), values(mask=None))
    assert is_wanted(step("number"), values(mask=None))


def test_what_was_skipped_is_left_out_of_lists() -> None:
    given = values(
        mask=None, count=None, said={"text": ("a quay",)}, all_of_them={"regions": (SHIP, CRANE)}
    )
    assert arguments_of(step("report"), given) == {
        "title": "2 of them",
        "parts": ("a text", 3, ("a quay",)),
        "format": "markdown",
    }
    assert arguments_of(step("number"), given)["regions"] == ((SHIP, CRANE),)


def test_outputs_of_skipped_steps_are_not_there() -> None:
    given = values(
        sure={"regions": (SHIP,)},
        report=None,
        count=None,
        number={"number": 2},
        seen={"regions": ((SHIP,), ())},
        named={"text": ()},
        found={"number": 1},
    )
    assert outputs_of(PLAN, given) == {
        "sure": (SHIP,),
        "number": 2,
        "all": ((SHIP,), ()),
        "named": (),
        "found": 1,
    }


def test_more_items_than_the_step_allows_fail_it() -> None:
    with pytest.raises(InvalidInput, match="step named has 4 items"):
        items_of(step("named"), ValuesOfRun({"marks": (SHIP,) * 4}, {}))


def test_an_argument_that_is_not_known_fails_a_task_that_needs_it() -> None:
    plan = compile_text("""
workflow: unknown
inputs: {scene: scene, marks: {type: regions, at_most: 3}}
steps:
  - {id: cut, task: segment, for_each: $marks, with: {image: $scene, words: $item.label}}
  - id: gone
    task: zoom
    for_each: $marks
    with: {image: $scene, region: $item, context: $item.score}
outputs: {cut: $cut, gone: $gone}
""")
    nameless = Region((0, 0, 4, 4))
    with pytest.raises(InvalidInput, match="words is not known"):
        arguments_of(step("cut", plan), values(), nameless)
    assert arguments_of(step("gone", plan), values(), nameless)["context"] == 3
