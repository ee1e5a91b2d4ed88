"""The workflows that are shipped, run step by step in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.orchestrator.task_work.run_plan import run_plan
from workflow_language import Plan, compile_text
from workflow_language.inputs import read_inputs
from workflow_language.value_json import value_from_json, value_to_json
from workflow_language.values import File, SceneView, Value

FOLDER = Path(__file__).resolve().parents[4] / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


async def run(workplace: Workplace, name: str, **given: Any) -> tuple[Plan, dict[str, Value]]:
    plan = compile_text((FOLDER / f"{name}.yaml").read_bytes())

    async def find(image_id: str) -> SceneView | None:
        return await workplace.parts.images.scene(image_id, tenant="alpha")

    inputs = await read_inputs(plan.definition, given, find)
    return plan, await run_plan(plan, inputs, workplace.parts, tenant="alpha")


def check(workplace: Workplace, plan: Plan, outputs: dict[str, Value]) -> None:
    """Outputs are of their types, and files can be read."""
    skippable = {step.id for step in plan.steps if step.skippable}
    for name, use in plan.outputs.items():
        assert name in outputs or use.name in skippable
    for name, value in outputs.items():
        as_json = json.loads(json.dumps(value_to_json(value), allow_nan=False))
        assert value_from_json(plan.outputs[name].type, as_json) == value
        if isinstance(value, File):
            for file in (value, *value.beside):
                assert len(workplace.read(file)) == file.size_bytes
