"""What every record of a task must keep to, and what is published of it."""

import inspect
import json
from pathlib import Path

import jsonschema
import pytest

from workflow_language import Workflow, WorkflowInvalid, compile_text
from workflow_language.reading import STEP_FIELDS
from workflow_language.schema import workflow_schema
from workflow_language.tasks.registry import TASKS
from workflow_language.tasks.task import Output, Parameter, Task
from workflow_language.value_types import NUMBER, REGIONS, TEXT, accepts, list_of, parse_type

ROOT = Path(__file__).resolve().parents[2]
ASKED_FOR = {
    *("classify_scene", "caption", "answer", "classify_regions", "caption_regions", "relate"),
    *("detect", "segment", "segment_regions", "grounded_caption", "tile", "zoom", "filter"),
    *("sort", "merge", "count", "measure", "compare", "match", "render", "export_geojson"),
    *("export_geopackage", "export_masks", "export_mask_cog", "export_csv", "export_report"),
    "export_stac",
}


def test_the_tasks_are_those_asked_for() -> None:
    assert set(TASKS) == ASKED_FOR


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_task_is_described_in_full(task: Task) -> None:
    assert task.outputs and task.doc.endswith(".")
    names = [each.name for each in task.parameters]
    assert len(set(names)) == len(names)
    outputs = [each.name for each in task.outputs]
    assert len(set(outputs)) == len(outputs)
    for parameter in task.parameters:
        assert parameter.doc and not (parameter.required and parameter.default is not None)
        if parameter.type == NUMBER:
            assert parameter.maximum is not None and parameter.minimum is not None
    for output in task.outputs:
        if output.type.item is not None:
            assert output.limited_by, "for_each over it could never be bounded"
        for limit in output.limited_by:
            assert isinstance(limit, int) or task.parameter(limit)
        followed = task.parameter(output.follows)
        assert not output.follows or (followed and accepts(list_of(REGIONS), followed.type))


def test_types_read_back_as_they_are_written() -> None:
    kinds = {each.type for task in TASKS.values() for each in task.outputs}
    assert all(parse_type(str(kind)) == kind for kind in kinds)
    assert parse_type("list of list of list of list of text") is None
    assert parse_type("list of") is None and parse_type("picture") is None


def test_the_published_schema_is_that_of_the_registry() -> None:
    published = json.loads((ROOT / "workflow_language/workflow.schema.json").read_text())
    fresh = "earthgptx workflow schema > workflow_language/workflow.schema.json"
    assert published == json.loads(json.dumps(workflow_schema())), fresh
    jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.parametrize(
    "change",
    [
        {"workflow": "Has Spaces"},
        {"steps": []},
        {"outputs": {}},
        {"more": 1},
        {"inputs": {"scene": {"type": "picture"}}},
        {"inputs": {"item": "scene"}},
        {"defaults": {"deadline": "soon"}},
        *(
            {"steps": [{"id": "seen", "task": "detect"} | step]}
            for step in (
                {},
                {"with": {"image": "$scene"}},
                {"with": {"image": 3, "labels": "ship"}},
                {"with": {"image": "$scene", "labels": "ship", "at_most": 0}},
                {"with": {"image": "$scene", "labels": "ship", "colour": "red"}},
                {"with": {"image": "$scene", "labels": "ship"}, "retries": 11},
                {"with": {"image": "$scene", "labels": "ship"}, "in_flight": 2},
                {"with": {"image": "$scene", "labels": "ship"}, "when": None},
                {"task": "detekt", "with": {"image": "$scene", "labels": "ship"}},
            )
        ),
    ],
    ids=json.dumps,
)
def test_what_the_schema_refuses_the_compiler_refuses_too(change: dict[str, object]) -> None:
    seen = {"id": "seen", "task": "detect", "with": {"image": "$scene", "labels": ["ship"]}}
    valid = {
        "workflow": "w",
        "inputs": {"scene": "scene"},
        "steps": [seen],
        "outputs": {"seen": "$seen"},
    }
    schema = jsonschema.Draft202012Validator(workflow_schema())
    assert schema.is_valid(valid) and compile_text(json.dumps(valid))
    assert not schema.is_valid(valid | change)
    with pytest.raises(WorkflowInvalid):
        compile_text(json.dumps(valid | change))


def test_a_step_and_its_builder_have_the_same_fields() -> None:
    named = set(inspect.signature(Workflow.step).parameters)
    taken = named - {"self", "id", "task", "item", "take", "arguments"}
    assert taken == set(STEP_FIELDS) - {"id", "task", "with", "as"}


def test_a_task_of_ones_own_is_one_record() -> None:
    roads = Task(
        "trace_roads",
        "Traces the roads of an image.",
        (
            Parameter("image", TASKS["detect"].parameters[0].type, "what is looked at", True),
            Parameter("surface", TEXT, "of which kind", choices=("paved", "unpaved")),
        ),
        (Output("regions", REGIONS, "one a road", limited_by=(500,)),),
        model=True,
    )
    text = """\
workflow: roads
inputs: {scene: scene}
steps:
  - {id: roads, task: trace_roads, with: {image: $scene, surface: paved}}
  - {id: close, task: zoom, for_each: $roads, with: {image: $scene, region: $item}}
outputs: {close: $close}
"""
    plan = compile_text(text, {**TASKS, roads.name: roads})
    assert plan.most_runs == 501
    schema = workflow_schema({**TASKS, roads.name: roads})
    assert "trace_roads" in schema["$defs"]["step"]["properties"]["task"]["enum"]
    with pytest.raises(WorkflowInvalid, match="there is no task trace_roads"):
        compile_text(text)
    assert roads.to_json()["inputs"][1]["choices"] == ["paved", "unpaved"]
