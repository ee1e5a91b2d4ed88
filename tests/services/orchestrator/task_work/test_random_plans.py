"""Any valid workflow runs: every task is given values of the types it asks for."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.orchestrator.task_work.arguments import Arguments, BoundCondition, regions_in
from services.orchestrator.task_work.context import TaskContext, TaskWork
from shared.errors import InvalidInput
from tests.services.orchestrator.task_work.run_plan import run_plan
from tests.workflow_language.random_workflows import Expected, workflows
from workflow_language import compile_document
from workflow_language.inputs import read_inputs
from workflow_language.plain_values import document_of
from workflow_language.region_sets import Region
from workflow_language.tasks.registry import TASKS
from workflow_language.tasks.task import Output, Task
from workflow_language.value_json import value_from_json, value_to_json
from workflow_language.value_types import ANY, CONDITION, FIELD, REGION_FIELDS, ValueType, list_of
from workflow_language.values import File, MaskPixels, SceneView, Table, Value

IMAGE_ID = "sha256:" + "0f" * 32
BEYOND = "not a whole number|less than|more than|not one of"
SAMPLES: dict[str, Value] = {
    "scene": SceneView(IMAGE_ID, 90, 60),
    "image": SceneView(IMAGE_ID, 90, 60, window_xyxy_px=(0.0, 0.0, 9.0, 9.0)),
    "region": Region((0, 0, 9, 9), "ship", score=0.5, mask=MaskPixels(60, 90, "code")),
    "mask": Region((0, 0, 9, 9), "ship", score=0.5, mask=MaskPixels(60, 90, "code")),
    "text": "a quay",
    "number": 3,
    "boolean": True,
    "table": Table(("label",), (("ship",),)),
    "file": File("a.png", "image/png", 9, "key"),
}


def sample(kind: ValueType, items: int) -> Value:
    if kind.item is None:
        return SAMPLES[kind.name]
    return (sample(kind.item, items),) * items


def assert_is(kind: ValueType, value: Any) -> None:
    if kind == CONDITION:
        assert isinstance(value, BoundCondition)
    elif kind == FIELD:
        assert value in REGION_FIELDS
    elif kind == list_of(ANY):
        assert isinstance(value, tuple)
    elif kind != ANY:
        as_json = json.loads(json.dumps(value_to_json(value), allow_nan=False))
        assert value_from_json(kind, as_json) == value


class Toys:
    """Tasks that check what they are given and give as many items as are drawn."""

    def __init__(self, items: int) -> None:
        self._items = items
        self.runs: list[str] = []

    def work(self) -> dict[str, TaskWork]:
        return {name: self._toy(task) for name, task in TASKS.items()}

    def _toy(self, task: Task) -> TaskWork:
        async def run(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
            self.runs.append(context.unit)
            for parameter in task.parameters:
                assert parameter.name in arguments or not parameter.required
                if parameter.name in arguments:
                    assert_is(parameter.type, arguments[parameter.name])
            return {each.name: self._output(each, arguments) for each in task.outputs}

        return run

    def _output(self, output: Output, arguments: Arguments) -> Value:
        held = [
            len(regions_in(arguments, name))
            for name in output.limited_by
            if isinstance(name, str) and not isinstance(arguments.get(name, ()), int | float)
        ]
        return sample(output.type, min([self._items, *held]))


class NoImages:
    """Every image is there, and as small as can be."""

    async def scene(self, image_id: str, *, tenant: str = "") -> SceneView | None:
        return SceneView(image_id, 90, 60)


class Parts:
    images = NoImages()


@given(workflows(), st.integers(0, 1), st.integers(0, 2))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_valid_workflow_runs_and_gives_what_it_says(
    expected: Expected, items: int, marks: int
) -> None:
    plan = compile_document(document_of(expected.document))
    given_inputs = {
        "scene": IMAGE_ID,
        "frames": [IMAGE_ID] * marks,
        "marks": [{"box": [0, 0, 9, 9]}] * marks,
        "wanted": True,
    }
    toys = Toys(items)

    async def run() -> dict[str, Value]:
        given = {n: v for n, v in given_inputs.items() if n in plan.definition.inputs}
        inputs = await read_inputs(plan.definition, given, NoImages().scene)
        parts: Any = Parts()
        return await run_plan(plan, inputs, parts, tenant="alpha", task_work=toys.work())

    try:
        outputs = asyncio.run(run())
    except InvalidInput as refused:
        # What only the run knows: a number the task does not take, or more items than were said.
        assert re.search(f"{BEYOND}|has 2 items", refused.message)
        return
    assert len(toys.runs) == len(set(toys.runs))
    for step in plan.steps:
        units = [unit for unit in toys.runs if unit.partition("#")[0] == step.id]
        assert len(units) <= step.most_runs
        assert step.skippable or step.fan_out or units == [step.id]
    for name, use in plan.outputs.items():
        if name in outputs:
            assert_is(use.type, outputs[name])
        else:
            assert any(step.id == use.name and step.skippable for step in plan.steps)
