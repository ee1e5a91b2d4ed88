from __future__ import annotations

import pytest

from workflow_language import Diagnostic, Plan, WorkflowInvalid, compile_text
from workflow_language.compiler.ordering import order
from workflow_language.compiler.plan import Constant, ListOf, TextOf, Use
from workflow_language.value_types import IMAGE, MASKS, NUMBER, REGION, TEXT, list_of

BEGIN = """\
workflow: test
inputs:
  scene: scene
  frames: {type: list of image, at_most: 9}
  pile: {type: list of image}
  word: {type: text, default: ship}
steps:
  - id: all
    task: export_report
    with: {title: $word, parts: [$scene, $frames, $pile]}
"""
END = "outputs: {all: $all, it: $it}\n"


def plan_of(steps: str, end: str = END) -> Plan:
    return compile_text(BEGIN + steps + end)


def faults_of(steps: str, end: str = END) -> list[Diagnostic]:
    with pytest.raises(WorkflowInvalid) as refused:
        plan_of(steps, end)
    return list(refused.value.diagnostics)


def it(fields: str) -> str:
    """A step `it` on line 11, its fields from line 12 on."""
    return "  - id: it\n" + "".join(f"    {line}\n" for line in fields.strip().split("\n"))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (
            "task: detct\nwith: {image: $scene}",
            "12:11: step it, task: there is no task detct; did you mean detect?",
        ),
        (
            "task: caption\nwith: {image: $scenes}",
            "13:19: step it, with.image: $scenes names no input and no step; did you mean scene?",
        ),
        (
            "task: caption\nwith: {imag: $scene}",
            "13:12: step it, with.imag: caption has no input imag; did you mean image?",
        ),
        (
            "task: caption\nwith: {detailed: true}",
            "13:11: step it, with.image: caption needs image; it is what is looked at: an image",
        ),
        (
            "task: caption\nwith: {image: $word}",
            "13:19: step it, with.image: $word is a text, not an image; "
            "name an image by a reference such as $scene",
        ),
        (
            "task: caption\nwith: {image: $frames}",
            "13:19: step it, with.image: $frames is a list of image, not an image; "
            "for_each takes one after the other",
        ),
        (
            "task: caption\nwith: {image: $scene, detailed: very}",
            "13:37: step it, with.detailed: is a text, not a boolean",
        ),
        (
            "task: detect\nwith: {image: $scene, labels: [ship, 3]}",
            "13:42: step it, with.labels[1]: is a number, not a text",
        ),
        (
            "task: detect\nwith: {image: $scene, labels: x, at_most: 0}",
            "13:47: step it, with.at_most: is 0, less than 1",
        ),
        (
            "task: detect\nwith: {image: $scene, labels: x, at_most: 1.5}",
            "13:47: step it, with.at_most: is 1.5, not a whole number",
        ),
        (
            "task: caption\nfor_each: $pile\nwith: {image: $item}",
            "13:15: step it, for_each: may have any number of items; "
            "say at_most: N in this step, or with the input",
        ),
        (
            "task: caption\nfor_each: $word\nwith: {image: $scene}",
            "13:15: step it, for_each: $word is a text, which holds no items; "
            "leave for_each out to run the step once",
        ),
        (
            "task: caption\nfor_each: []\nwith: {image: $scene}",
            "13:15: step it, for_each: is an empty list: the step would never run",
        ),
        (
            "task: caption\nin_flight: 3\nwith: {image: $scene}",
            "13:16: step it, in_flight: has a meaning only with for_each; "
            "say for_each, or leave it out",
        ),
        (
            "task: caption\nwith: {image: $scene}\ndeadline: 30",
            "14:15: step it, deadline: has no unit; say 30s",
        ),
        (
            "task: caption\nwith: {image: $scene}\npriority: urgent",
            "14:15: step it, priority: is 'urgent'; one of interactive, normal, batch",
        ),
        (
            "task: caption\nwith: {image: $scene}\nretires: 2",
            "14:5: step it, retires: there is no field retires; did you mean retries?",
        ),
        (
            "task: caption\nwith: {image: $scene}\nwhen: $word > 3",
            "14:11: step it, when: the condition ($word > 3): a text > a number cannot be",
        ),
        (
            "task: caption\nwith: {image: $it}",
            "13:19: step it, with.image: it needs its own output; "
            "take one of these values from elsewhere",
        ),
        (
            "task: answer\nwith: {image: $scene, question: '${scene}?'}",
            "13:37: step it, with.question: $scene is a scene, which has no words; "
            "name a text, a number or a boolean",
        ),
        (
            "task: answer\nwith: {image: $scene, question: $5 or less}",
            "13:37: step it, with.question: '$5 or less' is no reference such as $scene or "
            "$ships.regions; $$ is a dollar sign",
        ),
        (
            "task: segment_regions\nwith: {image: $scene, regions: [{box: [9, 9, 1, 1]}]}",
            "13:37: step it, with.regions[0]: has a box [x0, y0, x1, y1] without area; "
            "name a region by a reference such as $scene",
        ),
        (
            "task: sort\nwith: {regions: [{point: [1, 2]}], by: siz}",
            "13:44: step it, with.by: regions have no field 'siz'; there is area_m2, area_px, "
            "caption, height_px, label, length_m, score, width_px",
        ),
        (
            "task: tile\nfor_each: $frames\nwith: {scene: $item}",
            "14:19: step it, with.scene: $item is an image, not a scene; "
            "name a scene by a reference such as $scene",
        ),
        (
            "task: caption\nfor_each: $frames\nas: word\nwith: {image: $word}",
            "14:9: step it, as: word is already an input; choose another name",
        ),
    ],
)
def test_a_fault_names_step_field_line_and_what_to_do(fields: str, fault: str) -> None:
    assert [str(each) for each in faults_of(it(fields))] == [fault]


def test_faults_that_follow_from_others_are_not_told() -> None:
    steps = it("task: detct\nwith: {image: $scene}") + (
        "  - {id: after, task: count, with: {regions: $it}}\n"
        "  - {id: more, task: filter, with: {regions: $it, where: score > $after.number}}\n"
    )
    end = "outputs: {all: $all, more: $more}\n"
    assert [fault.code for fault in faults_of(steps, end)] == ["unknown_task"]


def test_faults_of_several_steps_are_told_together_in_order() -> None:
    steps = it("task: caption\nwith: {image: $word}") + "  - {id: b, task: nothing}\n"
    found = faults_of(steps, "outputs: {all: $all, it: $it, x: $b}\n")
    assert [(fault.code, fault.line) for fault in found] == [
        ("type_mismatch", 13),
        ("unknown_task", 14),
    ]


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("outputs: {all: $all}\n", "unused", "no step and no output takes what it gives"),
        ("outputs: {all: $all, it: $it.words}\n", "unknown_reference", "a text has no words"),
        ("outputs: {all: $all, it: it}\n", "bad_value", "'it' is no output of a step"),
        ("outputs: {all: $all, it: $word}\n", "bad_value", "'$word' is no output of a step"),
        ("outputs: {}\n", "bad_value", "is empty"),
        ("outputs: {all: $all, It: $it}\n", "bad_value", "'It' is no name"),
        ("", "missing_field", "is not there"),
    ],
)
def test_outputs_are_outputs_of_steps(end: str, code: str, words: str) -> None:
    (fault, *_) = faults_of(it("task: caption\nwith: {image: $scene}"), end)
    assert fault.code == code and words in fault.message


def test_a_ring_names_all_its_steps() -> None:
    steps = it("task: filter\nwith: {regions: $b, where: score > 0}") + (
        "  - {id: b, task: sort, with: {regions: $c}}\n"
        "  - {id: c, task: merge, with: {regions: [$it, $b.regions]}}\n"
    )
    (first, *_) = faults_of(steps)
    assert first.code == "cycle" and first.field == "with.regions" and first.line == 13
    assert first.message in (
        "steps wait for each other: it needs b needs c needs it",
        "steps wait for each other: b needs c needs b",
    )


def test_an_input_nobody_takes_and_a_default_of_another_type_are_refused() -> None:
    text = "workflow: w\ninputs: {a: scene, b: {type: number, default: x}}\nsteps:\n"
    text += "  - {id: s, task: caption, with: {image: $a}}\noutputs: {s: $s}\n"
    with pytest.raises(WorkflowInvalid, match=r"2:47: inputs\.b\.default: is a text, not a number"):
        compile_text(text)
    with pytest.raises(WorkflowInvalid, match=r"2:20: inputs\.b: no step takes the input b"):
        compile_text(text.replace("default: x", "default: 1"))


def test_too_many_runs_are_refused_at_the_step_with_most() -> None:
    tiles = "task: tile\nwith: {scene: $scene, at_most: 4096}"
    looks = "".join(
        f"  - {{id: look_{n}, task: caption, for_each: $it, with: {{image: $item}}}}\n"
        for n in range(5)
    )
    outputs = ", ".join(f"look_{n}: $look_{n}" for n in range(5))
    (fault,) = faults_of(it(tiles) + looks, f"outputs: {{all: $all, {outputs}}}\n")
    assert fault.code == "limit" and fault.step == "look_0" and "20,482 times" in fault.message


def test_bounds_follow_the_values_through_steps() -> None:
    plan = plan_of(
        it("task: detect\nfor_each: $frames\nwith: {image: $item, labels: [car], at_most: 20}")
        + "  - {id: joined, task: merge, with: {regions: $it}}\n"
        + "  - {id: kept, task: filter, with: {regions: $joined, where: score > 0.5}}\n"
        + "  - {id: first, task: sort, with: {regions: $kept, at_most: 30}}\n"
        + "  - {id: near, task: zoom, for_each: $kept, with: {image: $scene, region: $item}}\n"
        + "  - {id: nearer, task: zoom, for_each: $first, with: {image: $scene, region: $item}}\n",
        "outputs: {all: $all, near: $near, nearer: $nearer}\n",
    )
    limits = {step.id: step.fan_out.limit for step in plan.steps if step.fan_out}
    assert limits == {"it": 9, "near": 180, "nearer": 30}
    assert plan.most_runs == 9 + 180 + 30 + 4


def test_masks_stay_masks_through_merge_and_filter() -> None:
    plan = plan_of(
        it("task: segment\nfor_each: $frames\nwith: {image: $item, words: 'all ${word}s'}")
        + "  - {id: joined, task: merge, with: {regions: $it}}\n"
        + "  - {id: kept, task: filter, with: {regions: $joined, where: score > 0.5}}\n"
        + "  - {id: out, task: export_masks, with: {masks: $kept}}\n",
        "outputs: {all: $all, out: $out}\n",
    )
    types = {step.id: list(step.outputs.values()) for step in plan.steps}
    assert types["it"] == [list_of(MASKS)] and types["joined"] == types["kept"] == [MASKS]
    words = next(step for step in plan.steps if step.id == "it").arguments["words"]
    assert words == TextOf(("all ", Use("input", "word", "", (), TEXT), "s"))


def test_arguments_are_constants_uses_and_lists_of_them() -> None:
    marks = "[{point: [3, 4]}, {box: [0, 0, 2, 2]}]"
    plan = plan_of(it(f"task: relate\nwith: {{image: $scene, regions: {marks}}}"))
    arguments = next(step for step in plan.steps if step.id == "it").arguments
    regions = arguments["regions"]
    assert isinstance(regions, ListOf)
    assert regions.items[0] == Constant({"point": [3, 4]})
    assert arguments["image"] == Use("input", "scene", "", (), plan.definition.inputs["scene"].type)


def test_an_item_has_its_own_name_and_fields() -> None:
    plan = plan_of(
        "  - {id: seen, task: detect, with: {image: $scene, labels: [ship]}}\n"
        + it(
            "task: answer\nfor_each: $seen\nas: thing\nwhen: $thing.score > 0.5\n"
            "with: {image: $scene, question: 'Is it a ${thing.label}?', regions: $thing}"
        )
    )
    step = plan.steps[-1]
    assert step.when_of_item and not step.skippable
    assert step.arguments["regions"] == Use("item", "", "", (), REGION)
    assert step.arguments["question"] == TextOf(
        ("Is it a ", Use("item", "", "", ("label",), TEXT), "?")
    )


def test_what_takes_a_value_of_a_skippable_step_is_skippable_but_for_lists() -> None:
    plan = plan_of(
        it("task: caption\nwhen: $seen.count > 0\nwith: {image: $scene}")
        + "  - {id: seen, task: detect, with: {image: $scene, labels: [ship]}}\n"
        + "  - {id: asked, task: answer, with: {image: $scene, question: $it}}\n"
        + "  - {id: told, task: export_report, with: {title: x, parts: [$it, $asked]}}\n",
        "outputs: {all: $all, told: $told}\n",
    )
    assert {step.id for step in plan.steps if step.skippable} == {"it", "asked"}
    assert plan.steps[-1].id == "told"


def test_a_count_is_read_off_any_value_with_items() -> None:
    plan = plan_of(it("task: answer\nwith: {image: $scene, question: '${frames.count}'}"))
    question = next(step for step in plan.steps if step.id == "it").arguments["question"]
    assert question == TextOf((Use("input", "frames", "", ("count",), NUMBER),))


def test_for_each_takes_a_list_written_out() -> None:
    plan = plan_of(
        it("task: segment\nfor_each: [ship, $word, pier]\nwith: {image: $scene, words: $item}")
    )
    fan_out = plan.steps[-1].fan_out
    assert fan_out is not None and (fan_out.limit, fan_out.in_flight) == (3, 3)
    assert fan_out.item_type == TEXT


def test_dollar_signs_are_written_twice() -> None:
    plan = plan_of(it("task: answer\nwith: {image: $scene, question: '$$5 or ${word}$$?'}"))
    question = next(step for step in plan.steps if step.id == "it").arguments["question"]
    assert isinstance(question, TextOf)
    assert [part for part in question.parts if isinstance(part, str)] == ["$5 or ", "$?"]


def test_policies_are_those_of_the_step_over_those_of_the_workflow() -> None:
    text = """\
workflow: w
inputs: {a: {type: image, modality: infrared}}
defaults: {retries: 5, deadline: 2m}
steps:
  - {id: s, task: caption, deadline: 500ms, priority: batch, with: {image: $a}}
outputs: {s: $s}
"""
    plan = compile_text(text)
    policy = plan.steps[0].policy
    assert (policy.retries, policy.deadline_s, policy.priority) == (5, 0.5, "batch")
    assert plan.definition.inputs["a"].type == IMAGE


def test_rings_do_not_hide_what_comes_after_them() -> None:
    after = {"a": {"b"}, "b": {"a"}, "c": {"b"}, "d": set[str](), "e": {"e"}}
    ordered, rings = order(list(after), {name: frozenset(to) for name, to in after.items()})
    assert sorted(ordered) == sorted(after)
    assert rings == [["a", "b"], ["e"]]
    assert ordered.index("c") > ordered.index("b")
