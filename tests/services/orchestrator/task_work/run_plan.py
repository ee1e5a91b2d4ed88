"""A whole plan in one process, step by step: no records, no queues, nothing survives it."""

from __future__ import annotations

from collections.abc import Mapping

from services.orchestrator.task_work.context import TaskContext, TaskParts, TaskWork
from services.orchestrator.task_work.registry import TASK_WORK
from services.orchestrator.task_work.resolve import (
    ValuesOfRun,
    arguments_of,
    is_wanted,
    items_of,
    outputs_of,
    written_images,
)
from shared.errors import NotFound
from workflow_language.compiler.plan import Plan, PlannedStep
from workflow_language.values import SceneView, Value


async def run_plan(
    plan: Plan,
    inputs: Mapping[str, Value],
    parts: TaskParts,
    *,
    tenant: str,
    run_id: str = "local",
    task_work: Mapping[str, TaskWork] = TASK_WORK,
) -> dict[str, Value]:
    """Runs every step once, in the order of the plan, items one after the other.

    Args:
        plan: of a workflow.
        inputs: as `read_inputs` gives them.
        parts: what the tasks work with.
        tenant: for whom.
        run_id: what the run is called where it is told of.
        task_work: what each task does.

    Returns:
        The outputs of the workflow; those of skipped steps are not there.

    Raises:
        SuiteError: A step failed; nothing is tried again.
    """
    scenes = await _scenes(plan, parts, tenant)
    outputs: dict[str, Mapping[str, Value] | None] = {}
    values = ValuesOfRun(inputs, outputs, scenes)
    for step in plan.steps:
        if not is_wanted(step, values):
            outputs[step.id] = None
            continue

        async def once(
            item: Value | None, unit: str, step: PlannedStep = step
        ) -> Mapping[str, Value]:
            context = TaskContext(tenant, run_id, unit, parts)
            return await task_work[step.task.name](context, arguments_of(step, values, item))

        if step.fan_out is None:
            outputs[step.id] = await once(None, step.id)
            continue
        given = [
            await once(item, f"{step.id}#{number}")
            for number, item in enumerate(items_of(step, values))
            if is_wanted(step, values, item)
        ]
        outputs[step.id] = {
            output.name: tuple(each[output.name] for each in given) for output in step.task.outputs
        }
    return outputs_of(plan, values)


async def _scenes(plan: Plan, parts: TaskParts, tenant: str) -> dict[str, SceneView]:
    """Images whose ids are written in steps.

    Raises:
        NotFound: One is not there.
    """
    scenes: dict[str, SceneView] = {}
    for image_id in sorted({id_ for step in plan.steps for id_ in written_images(step)}):
        scene = await parts.images.scene(image_id, tenant=tenant)
        if scene is None:
            raise NotFound("there is no such image", field=image_id)
        scenes[image_id] = scene
    return scenes
