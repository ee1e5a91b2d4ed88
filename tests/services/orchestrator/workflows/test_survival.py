"""A workflow run ends once and right, whoever is killed in the middle of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.messages.celery_app import KEY_PREFIX
from tests.services.orchestrator.suite_processes import Processes, processes
from tests.services.orchestrator.workflows.caller import Caller, objects_in
from workflow_language import compile_text

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


@asynccontextmanager
async def suite_and_caller(
    folder: Path, *fake_arguments: str
) -> AsyncIterator[tuple[Processes, Caller]]:
    with processes(folder, *fake_arguments) as suite:
        suite.environ |= objects_in(folder)
        caller = Caller(suite, folder, PLAN, {})
        yield suite, caller
        await caller.close()


async def assert_right(caller: Caller, run_id: str) -> None:
    outputs = await caller.outputs(run_id)
    assert outputs["words"] and outputs["number"] == len(outputs["ships"]) > 0


async def test_a_workflow_runs_through_the_broker(tmp_path: Path) -> None:
    async with suite_and_caller(tmp_path) as (suite, caller):
        suite.start_orchestrator()
        runs = [await caller.start(copies=copies) for copies in (1, 3)]
        for run_id in runs:
            await assert_right(caller, run_id)
        attempts = {each.step: each.attempts for each in await caller.runs.steps(runs[1])}
        assert set(attempts.values()) == {1}


async def test_a_broker_that_lost_its_messages_loses_no_run(tmp_path: Path) -> None:
    async with suite_and_caller(tmp_path) as (suite, caller):
        run_id = await caller.start()
        async for key in caller.redis.scan_iter(KEY_PREFIX + "*"):
            await caller.redis.delete(key)
        suite.start_orchestrator()
        await assert_right(caller, run_id)


async def test_a_stopped_orchestrator_hands_its_units_over(tmp_path: Path) -> None:
    async with suite_and_caller(tmp_path, "--token-pause-s", "0.03") as (suite, caller):
        first = suite.start_orchestrator()
        suite.start_orchestrator()
        runs = [await caller.start() for _ in range(3)]
        await caller.until_step(runs[0], "words", "running")
        first.process.terminate()
        assert await asyncio.to_thread(first.process.wait, 20) == 0
        for run_id in runs:
            await assert_right(caller, run_id)


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
            await assert_right(caller, run_id)
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
