"""What a claimed unit comes to: a change of the record that has yet to be made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from services.orchestrator.held_work import until_stored
from services.orchestrator.task_work.context import TaskContext, TaskParts, TaskWork
from services.orchestrator.task_work.resolve import (
    ValuesOfRun,
    arguments_of,
    is_wanted,
    items_of,
    outputs_of,
    written_images,
)
from services.orchestrator.workflows import large_json
from services.orchestrator.workflows.plan_cache import PlanCache
from services.orchestrator.workflows.run_values import RunValues
from shared.errors import NotFound
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.summaries import summary_of
from shared.workflow_runs.views import END, ReadyUnit, UnitClaim
from workflow_language.compiler.plan import Plan, PlannedStep
from workflow_language.values import Value

# None if the unit was somebody else's by the time the change was to be made.
Change = Callable[[], Awaitable[tuple[ReadyUnit, ...] | None]]


class UnitChanges:
    """Finds items, runs tasks, gathers what items gave, and says what a run gives."""

    def __init__(self, runs: WorkflowRuns, tasks: Mapping[str, TaskWork], parts: TaskParts) -> None:
        """Takes what it works with.

        Args:
            runs: The records.
            tasks: The function of each task.
            parts: What tasks work with.
        """
        self._runs = runs
        self._tasks = tasks
        self._parts = parts
        self._plans = PlanCache(runs.definition_of)
        self._values = RunValues(runs)

    async def of(self, claim: UnitClaim) -> Change:
        """Does the unit's work.

        Raises:
            SuiteError: It came to nothing.
        """
        plan = await self._plans.plan(claim.definition_digest)
        if claim.step == END:
            return await self._end(claim, plan)
        step = next(each for each in plan.steps if each.id == claim.step)
        if claim.phase == "gather":
            return await self._gathered(claim, step)
        values = await self._with_scenes(await self._values.of(claim, plan), step, claim.tenant)
        if claim.item is not None:
            return await self._worked(claim, step, values, items_of(step, values)[claim.item])
        if not is_wanted(step, values):
            return partial(self._runs.skip, claim)
        if claim.phase == "items":
            items = items_of(step, values)
            kept = [n for n, item in enumerate(items) if is_wanted(step, values, item)]
            return partial(self._runs.expand, claim, kept)
        return await self._worked(claim, step, values, None)

    async def _worked(
        self, claim: UnitClaim, step: PlannedStep, values: ValuesOfRun, item: Value | None
    ) -> Change:
        context = TaskContext(claim.tenant, claim.run_id, claim.unit, self._parts)
        work = self._tasks[step.task.name]
        outputs = await work(context, arguments_of(step, values, item))
        given = await large_json.written(outputs)
        kept = await self._kept(claim, given.text)
        if item is None:
            # The version of outputs is the fence they are committed by.
            self._values.remember(claim, outputs, len(given.text))
        return partial(self._runs.commit, claim, kept, summary_of(given.outputs))

    async def _gathered(self, claim: UnitClaim, step: PlannedStep) -> Change:
        items = await self._runs.item_values(claim.run_id, step.id)
        given = await large_json.gathered(items, step.outputs)
        kept = await self._kept(claim, given.text)
        return partial(self._runs.commit, claim, kept, summary_of(given.outputs))

    async def _end(self, claim: UnitClaim, plan: Plan) -> Change:
        outputs = outputs_of(plan, await self._values.of(claim, plan))
        kept = await self._kept(claim, (await large_json.written(outputs)).text)
        return partial(self._runs.finish, claim.run_id, "succeeded", outputs=kept, claim=claim)

    async def _kept(self, claim: UnitClaim, outputs_json: str) -> str:
        """Outputs as the record takes them; they are not lost for an object store that is away."""
        return await until_stored(lambda: self._runs.keep_outputs(claim, outputs_json))

    async def _with_scenes(
        self, values: ValuesOfRun, step: PlannedStep, tenant: str
    ) -> ValuesOfRun:
        ids = sorted(written_images(step))
        found = await asyncio.gather(
            *(self._parts.images.scene(image_id, tenant=tenant) for image_id in ids)
        )
        if missing := [image_id for image_id, scene in zip(ids, found, strict=True) if not scene]:
            raise NotFound(f"step {step.id}: there is no image {missing[0]}", field="image_id")
        return replace(values, scenes={scene.image_id: scene for scene in found if scene})
