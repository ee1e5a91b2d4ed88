"""A workflow run ends once and right, whoever is killed in the middle of it."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.errors import StageUnavailable
from shared.image_records import ImageRecord
from shared.messages.celery_app import KEY_PREFIX, make_celery_app, send_units
from shared.messages.json_codec import to_json
from shared.run_records.state_redis import open_state_redis
from shared.settings import ProcessSettings, Secret
from shared.tensors.open_store import open_parts, store_on
from shared.workflow_runs.events import NumberedEvent
from shared.workflow_runs.graph import graph_of
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import RunLimits
from tests.services.orchestrator.suite_processes import SUITE_KEY, Processes, processes
from tests.services.pictures import png
from tests.shared.workflow_runs.history import check_history
from workflow_language import Plan, canonical_json, compile_text
from workflow_language.values import SceneView, value_to_json

pytestmark = pytest.mark.timeout(120)

PLAN = compile_text(
    """
workflow: harbour
inputs: {scene: scene}
defaults: {retries: 8}
steps:
  - {id: tiles, task: tile, with: {scene: $scene, side_px: 64, overlap_px: 32}}
  - {id: seen, task: detect, for_each: $tiles, with: {image: $item, labels: [ship]}}
  - {id: ships, task: merge, with: {regions: $seen}}
  - {id: number, task: count, with: {regions: $ships}}
  - {id: words, task: caption, with: {image: $scene}}
  - {id: sheet, task: export_csv, with: {table: $number.by_label}}
outputs: {ships: $ships, number: $number.number, words: $words, sheet: $sheet}
"""
)
AFTER = {step.id: step.after for step in PLAN.steps}


class Caller:
    """Does what the gateway does for a workflow run."""

    def __init__(self, suite: Processes, folder: Path) -> None:
        settings = ProcessSettings(
            suite_key=Secret(SUITE_KEY),
            state_redis_url=suite.redis.url,
            tensor_tiers=("inline", "object_store"),
            object_store_url=f"file://{folder}/objects",
        )
        self.redis = open_state_redis(suite.redis.url)
        self.app = make_celery_app(settings)
        opened = open_parts(settings)
        assert opened.objects is not None
        self.store = store_on(opened, settings)
        self.large = LargeValues(opened.objects)
        self.runs = WorkflowRuns(self.redis, RunLimits(resend_after_s=1.0), self.large)
        picture = png(96, 64)
        record = ImageRecord("PNG", 96, 64, 3, "uint8", len(picture), "", 0.0, (), True)
        description = json.loads(to_json(record))
        ref = self.store.put_image(picture, tenant="alpha", ttl_s=600, description=description)
        self.scene = SceneView(ref.digest, 96, 64)

    async def start(self, plan: Plan = PLAN, copies: int = 1) -> str:
        run_id = uuid.uuid4().hex
        while True:
            try:
                created = await self.runs.create(
                    run_id,
                    "alpha",
                    canonical_json(plan.definition),
                    workflow_name=plan.definition.name,
                    version=0,
                    inputs_json=json.dumps({"scene": value_to_json(self.scene)}),
                    graph=graph_of(plan),
                    idempotency_key=run_id,
                    digest="",
                    timeout_s=60.0,
                    max_running=999,
                    trace="",
                )
                break
            except StageUnavailable:
                await asyncio.sleep(0.2)
        for _ in range(copies):
            try:
                await asyncio.to_thread(send_units, self.app, created.ready)
            except StageUnavailable:
                break
        return created.run_id

    async def told(self, run_id: str, timeout_s: float = 60) -> list[NumberedEvent]:
        async with asyncio.timeout(timeout_s):
            return [each async for each in self.runs.follow(run_id)]

    async def assert_right(self, run_id: str) -> None:
        told = await self.told(run_id)
        check_history(told, AFTER)
        view = await self.runs.read(run_id)
        assert view.state == "succeeded", view.fault
        outputs = json.loads(view.outputs_json)
        assert outputs["words"] and outputs["number"] == len(outputs["ships"]) > 0

    async def until_step(self, run_id: str, step: str, *states: str) -> None:
        async with asyncio.timeout(20):
            while True:
                found = {each.step: each.state for each in await self.runs.steps(run_id)}
                if found[step] in states:
                    return
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.redis.aclose()
        self.app.close()
        await self.large.close()
        self.store.close()


@asynccontextmanager
async def suite_and_caller(
    folder: Path, *fake_arguments: str
) -> AsyncIterator[tuple[Processes, Caller]]:
    with processes(folder, *fake_arguments) as suite:
        suite.environ |= {
            "EARTHGPTX_TENSOR_TIERS": "inline,object_store",
            "EARTHGPTX_OBJECT_STORE_URL": f"file://{folder}/objects",
        }
        caller = Caller(suite, folder)
        yield suite, caller
        await caller.close()


async def test_a_workflow_runs_through_the_broker(tmp_path: Path) -> None:
    async with suite_and_caller(tmp_path) as (suite, caller):
        suite.start_orchestrator()
        runs = [await caller.start(copies=copies) for copies in (1, 3)]
        for run_id in runs:
            await caller.assert_right(run_id)
        attempts = {each.step: each.attempts for each in await caller.runs.steps(runs[1])}
        assert set(attempts.values()) == {1}


async def test_a_broker_that_lost_its_messages_loses_no_run(tmp_path: Path) -> None:
    async with suite_and_caller(tmp_path) as (suite, caller):
        run_id = await caller.start()
        async for key in caller.redis.scan_iter(KEY_PREFIX + "*"):
            await caller.redis.delete(key)
        suite.start_orchestrator()
        await caller.assert_right(run_id)


async def test_a_stopped_orchestrator_hands_its_units_over(tmp_path: Path) -> None:
    async with suite_and_caller(tmp_path, "--token-pause-s", "0.03") as (suite, caller):
        first = suite.start_orchestrator()
        suite.start_orchestrator()
        runs = [await caller.start() for _ in range(3)]
        await caller.until_step(runs[0], "words", "running")
        first.process.terminate()
        assert await asyncio.to_thread(first.process.wait, 20) == 0
        for run_id in runs:
            await caller.assert_right(run_id)


@pytest.mark.slow
async def test_a_hundred_runs_survive_whatever_is_killed(tmp_path: Path) -> None:
    """Orchestrators, stages, the state Redis and all connections to it, while runs come in."""
    async with suite_and_caller(tmp_path, "--pause-s", "0.02") as (suite, caller):
        for _ in range(2):
            suite.start_orchestrator()
        runs: list[str] = []

        async def come_in() -> None:
            for _ in range(100):
                runs.append(await caller.start(copies=random.choice((1, 1, 2))))
                await asyncio.sleep(0.06)

        coming = asyncio.create_task(come_in())
        kills = (_orchestrator, _stages, _state_redis, _orchestrator, _state_redis)
        for kill in kills:
            await asyncio.sleep(0.8)
            await kill(suite)
            await caller.redis.client_kill_filter(_type="normal", skipme=True)
        await coming
        for run_id in runs:
            await caller.assert_right(run_id)
        assert not await caller.redis.exists("workflow:due", "workflow:in_flight:alpha")


async def _orchestrator(suite: Processes) -> None:
    suite.orchestrators[-1].process.kill()
    await asyncio.to_thread(suite.start_orchestrator)


async def _stages(suite: Processes) -> None:
    suite.stages.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(suite.stages.start)


async def _state_redis(suite: Processes) -> None:
    suite.redis.kill()
    await asyncio.sleep(1)
    await asyncio.to_thread(suite.redis.start)
