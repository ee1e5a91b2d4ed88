"""Any valid workflow becomes the right plan; any fault put into one is refused where it is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflow_language.random_workflows import Expected, workflows
from workflow_language import Diagnostic, WorkflowInvalid, canonical_json, compile_text, digest
from workflow_language.compiler.compile import compile_document
from workflow_language.graph.layered_layout import crossings
from workflow_language.graph.svg import draw as draw_plan
from workflow_language.plain_values import document_of
from workflow_language.proto import from_proto, to_proto
from workflow_language.schema import workflow_schema
from workflow_language.tasks.registry import TASKS

VALIDATOR = jsonschema.Draft202012Validator(workflow_schema())
SVG = "{http://www.w3.org/2000/svg}"


@given(workflows())
@settings(max_examples=50, deadline=None)
def test_every_step_comes_after_those_it_takes_values_of(expected: Expected) -> None:
    plan = compile_text(json.dumps(expected.document))
    order = [step.id for step in plan.steps]
    assert sorted(order) == sorted(expected.after)
    for step in plan.steps:
        assert set(step.after) == expected.after[step.id]
        assert all(order.index(earlier) < order.index(step.id) for earlier in step.after)
        layers = [other.layer for other in plan.steps if other.id in step.after]
        assert step.layer == 1 + max(layers, default=-1)
        # Nor does it run more often than is written.
        limit = expected.item_count[step.id]
        assert (step.fan_out is None) == (limit is None)
        if step.fan_out and limit is not None:
            assert 0 <= step.fan_out.limit <= limit
            assert 1 <= step.fan_out.in_flight <= max(1, step.fan_out.limit)
            assert all(kind.name == "list" for kind in step.outputs.values())


@given(workflows(), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_in_which_steps_are_written_means_nothing(
    expected: Expected, random: Any
) -> None:
    shuffled = copy.deepcopy(expected.document)
    random.shuffle(shuffled["steps"])
    first, second = (compile_document(document_of(d)) for d in (expected.document, shuffled))
    assert {step.id: step for step in first.steps} == {
        step.id: _in_order(step, first) for step in second.steps
    }


def _in_order(step: Any, plan: Any) -> Any:
    """The step with `after` in the order of another plan."""
    order = [each.id for each in plan.steps]
    return replace(step, after=tuple(sorted(step.after, key=order.index)))


@given(workflows())
@settings(max_examples=15, deadline=None)
def test_yaml_json_proto_and_canonical_form_are_one_workflow(expected: Expected) -> None:
    definition = compile_document(document_of(expected.document)).definition
    as_json = json.dumps(expected.document, indent="\t")
    # From JSON, so that no two values are one object, which PyYAML would write as an alias.
    as_yaml = yaml.safe_dump(json.loads(as_json), allow_unicode=True, sort_keys=False)
    spellings = [as_yaml, as_json, canonical_json(definition)]
    for text in spellings:
        read = compile_text(text).definition
        assert read == definition
        assert digest(read) == digest(definition)
    assert compile_document(from_proto(to_proto(definition))).definition == definition


@given(workflows())
@settings(max_examples=20, deadline=None)
def test_the_schema_takes_every_valid_workflow(expected: Expected) -> None:
    VALIDATOR.validate(expected.document)
    plan = compile_document(document_of(expected.document))
    VALIDATOR.validate(json.loads(canonical_json(plan.definition)))


@given(workflows())
@settings(max_examples=20, deadline=None)
def test_the_picture_shows_every_step_and_no_two_overlap(expected: Expected) -> None:
    plan = compile_document(document_of(expected.document))
    root = ElementTree.fromstring(draw_plan(plan))
    groups = {group.get("id"): group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")}
    assert {f"step-{step.id}" for step in plan.steps} <= set(groups)
    boxes = [
        tuple(float(rect.get(side, 0)) for side in ("x", "y", "width", "height"))
        for rect in groups.values()
        if rect is not None
    ]
    for number, (x, y, width, height) in enumerate(boxes):
        assert x >= 0 and x + width <= float(root.get("width", 0))
        for x2, y2, width2, height2 in boxes[number + 1 :]:
            apart_x = x + width <= x2 or x2 + width2 <= x
            assert apart_x or y + height <= y2 or y2 + height2 <= y


@given(
    st.permutations(range(6)),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), unique=True, max_size=15),
)
@settings(max_examples=40, deadline=None)
def test_crossings_are_those_of_pairs(order: list[int], ends: list[tuple[int, int]]) -> None:
    upper, lower = [f"u{n}" for n in range(6)], [f"l{n}" for n in order]
    links = [(f"u{a}", f"l{b}") for a, b in ends]
    place = {key: number for row in (upper, lower) for number, key in enumerate(row)}
    pairs = combinations(links, 2)
    crossed = sum((place[a] - place[c]) * (place[b] - place[d]) < 0 for (a, b), (c, d) in pairs)
    assert crossings([upper, lower], links) == crossed


Mutated = tuple[str, str, str]
Mutation = Callable[[dict[str, Any], dict[str, Any]], Mutated | None]


def unknown_task(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["task"] = "detekt"
    return "unknown_task", step["id"], "task"


def unknown_reference(_: dict[str, Any], step: dict[str, Any]) -> Mutated | None:
    if "with" not in step or not step["with"]:
        return None
    name = next(iter(step["with"]))
    if str(TASKS[step["task"]].parameter(name).type) in ("condition", "field"):  # type: ignore[union-attr]
        return None
    step["with"][name] = "$nowhere.to_be_found"
    return "unknown_reference", step["id"], f"with.{name}"


def missing_input(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    name = next(each.name for each in TASKS[step["task"]].parameters if each.required)
    del step["with"][name]
    return "missing_input", step["id"], f"with.{name}"


def wrong_type(_: dict[str, Any], step: dict[str, Any]) -> Mutated | None:
    parameter = next(each for each in TASKS[step["task"]].parameters if each.required)
    wrong: dict[str, Any] = {
        "text": 5,
        "list of text": {"box": [0, 0, 1, 1]},
        "list of anything": None,
    }
    step["with"][parameter.name] = wrong.get(str(parameter.type), True)
    return "type_mismatch", step["id"], f"with.{parameter.name}"


def waits_for_itself(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["when"] = f"${step['id']} == 'x'"
    return "cycle", step["id"], "when"


def unbounded(document: dict[str, Any], step: dict[str, Any]) -> Mutated:
    document.setdefault("inputs", {})["pile"] = {"type": "list of image"}
    step.pop("at_most", None)
    step.pop("as", None)
    step["for_each"] = "$pile"
    return "unbounded_fan_out", step["id"], "for_each"


def unknown_step_field(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["retires"] = 3
    return "unknown_field", step["id"], "retires"


def unknown_argument(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["with"]["imagery"] = "$scene"
    return "unknown_field", step["id"], "with.imagery"


def same_name_twice(document: dict[str, Any], step: dict[str, Any]) -> Mutated | None:
    first = document["steps"][0]["id"]
    if step is document["steps"][0]:
        return None
    step["id"] = first
    return "duplicate", first, "id"


def no_task(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    del step["task"]
    return "missing_field", step["id"], "task"


def impossible_deadline(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["deadline"] = "soon"
    return "bad_value", step["id"], "deadline"


def too_many_retries(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["retries"] = 99
    return "bad_value", step["id"], "retries"


def broken_condition(_: dict[str, Any], step: dict[str, Any]) -> Mutated:
    step["when"] = "1 < or 2"
    return "bad_value", step["id"], "when"


def taken_by_nobody(document: dict[str, Any], step: dict[str, Any]) -> Mutated:
    document["steps"].append(
        {"id": "idle", "task": "caption", "with": {"image": "sha256:" + "0" * 64}}
    )
    return "unused", "idle", ""


MUTATIONS: list[Mutation] = [
    unknown_task,
    unknown_reference,
    missing_input,
    wrong_type,
    waits_for_itself,
    unbounded,
    unknown_step_field,
    unknown_argument,
    same_name_twice,
    no_task,
    impossible_deadline,
    too_many_retries,
    broken_condition,
    taken_by_nobody,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_a_fault_is_refused_by_step_field_and_line(mutation: Mutation, data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(workflows(min_steps=2, max_steps=5)).document)
    step = data.draw(st.sampled_from(document["steps"]))
    mutated = mutation(document, step)
    if mutated is None:
        return
    _, step_id, field = mutated
    text = json.dumps(document, indent=1)
    with pytest.raises(WorkflowInvalid) as refused:
        compile_text(text)
    fitting = [
        fault
        for fault in refused.value.diagnostics
        if (fault.code, fault.step, fault.field) == mutated
    ]
    assert fitting, refused.value
    position = max(i for i, each in enumerate(document["steps"]) if each.get("id") == step_id)
    assert_points_at(fitting[-1], text, position, field)


def assert_points_at(fault: Diagnostic, text: str, position: int, field: str) -> None:
    """The line is of the step, and of the field where the step has it."""
    lines = text.split("\n")
    start = lines.index(' "steps": [') + 1
    begins = [n for n, line in enumerate(lines[start:], start) if line == "  {"]
    ends = [n for n, line in enumerate(lines[start:], start) if line in ("  }", "  },")]
    assert begins[position] < fault.line <= ends[position] + 1
    name = f'"{field.split(".")[-1]}":'
    within = lines[begins[position] : ends[position]]
    if field and any(line.strip().startswith(name) for line in within):
        assert name in lines[fault.line - 1]
        assert lines[fault.line - 1][fault.column - 1 :].strip()


@given(workflows(min_steps=3), st.data())
@settings(max_examples=20, deadline=None)
def test_a_ring_of_steps_is_named(expected: Expected, data: st.DataObject) -> None:
    document = copy.deepcopy(expected.document)
    later = [step for step in document["steps"] if expected.after[step["id"]]]
    if not later:
        return
    last = data.draw(st.sampled_from(later))["id"]
    first = data.draw(st.sampled_from(sorted(expected.after[last])))
    step = next(each for each in document["steps"] if each["id"] == first)
    step["when"] = f"${last} == 1"
    with pytest.raises(WorkflowInvalid) as refused:
        compile_text(json.dumps(document, indent=1))
    rings = [fault for fault in refused.value.diagnostics if fault.code == "cycle"]
    assert rings and all(fault.line > 1 for fault in rings)
    assert any(first in fault.message and last in fault.message for fault in rings)
