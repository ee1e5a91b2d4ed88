"""Runs end once and right while what they pass on is slow to be had, or lost."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from shared.tensors.files import get_file
from tests.fakes import ANSWER, CLEAN_ANSWER, Stages, serve_fakes
from tests.kept_features import KeptFeatures
from tests.services.orchestrator.slow_orchestrator import PROGRAM
from tests.services.orchestrator.suite_processes import SUITE_KEY, KillableRedis, Orchestrators
from tests.services.orchestrator.workflows.caller import Caller, objects_in
from tests.slow_directory import DELAYED
from workflow_language import compile_text
from workflow_language.value_json import value_from_json
from workflow_language.value_types import FILE
from workflow_language.values import File

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

RUNS = 100
# Beyond what a record holds itself.
NOTES = "The tide is out. " * 300
# What is to be outlined comes last: until then features may be lost that were there to begin with.
QUIET = "All is quiet. " * 400
ANSWERED = f"{QUIET}{ANSWER}"
PLAN = compile_text(
    """
workflow: quay
inputs: {scene: scene, notes: text}
defaults: {retries: 8}
steps:
  - {id: tiles, task: tile, with: {scene: $scene, side_px: 64, overlap_px: 32}}
  - {id: told, task: answer, for_each: $tiles, with: {image: $item, question: "What lies here?"}}
  - {id: seen, task: segment, for_each: $tiles, with: {image: $item, words: the pier}}
  - {id: piers, task: merge, with: {regions: $seen}}
  - {id: number, task: count, with: {regions: $piers}}
  - {id: report, task: export_report, with: {title: Quay, parts: [$notes, $told]}}
outputs: {told: $told, number: $number.number, report: $report}
"""
)
# Inputs, what each of two tiles gave, that together, what the run gave.
LARGE_VALUES = 5


@dataclass
class World:
    """Everything a run stands on; each part can be taken away for a while."""

    suite: Orchestrators
    tensors: KillableRedis
    stages: Stages
    server: grpc.aio.Server
    port: int

    async def lose_orchestrator(self) -> None:
        self.suite.orchestrators[-1].process.kill()
        await asyncio.to_thread(self.suite.start_orchestrator, PROGRAM)

    async def lose_stages(self) -> None:
        await self.server.stop(None)
        await asyncio.sleep(0.5)
        self.server, _ = await serve_fakes(self.stages, self.port)

    async def lose_state(self) -> None:
        await _lose(self.suite.redis, away_s=1.0)

    async def lose_tensors(self) -> None:
        """What is under way finds them gone."""
        await _lose(self.tensors, away_s=0.0)

    async def miss_tensors(self) -> None:
        """What is under way cannot ask for them, nor make them."""
        await _lose(self.tensors, away_s=0.6)

    def delays_s(self, folder: Path) -> list[float]:
        """How late the object store was, each time it was."""
        logs = [path.read_text() for path in folder.glob("*/orchestrator.log")]
        return [float(late_s) for log in logs for late_s in re.findall(rf"{DELAYED} ([\d.]+)", log)]


async def _lose(redis: KillableRedis, away_s: float) -> None:
    redis.kill()
    await asyncio.sleep(away_s)
    await asyncio.to_thread(redis.start)


@asynccontextmanager
async def world_in(folder: Path) -> AsyncIterator[World]:
    tensors = KillableRedis(folder, keeps=False)
    kept = KeptFeatures(tensors.url, SUITE_KEY)
    stages = Stages(answer=ANSWERED, token_chars=600, token_pause_s=0.03, pause_s=0.02, kept=kept)
    server, port = await serve_fakes(stages)
    suite = Orchestrators(folder, port)
    suite.environ |= objects_in(folder) | {"EARTHGPTX_TENSOR_REDIS_URL": tensors.url}
    world = World(suite, tensors, stages, server, port)
    try:
        for _ in range(2):
            await asyncio.to_thread(suite.start_orchestrator, PROGRAM)
        yield world
    finally:
        suite.close()
        await world.server.stop(None)
        kept.close()
        tensors.kill()


async def test_a_hundred_runs_survive_slow_objects_and_lost_tensors(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with world_in(tmp_path) as world:
        caller = Caller(world.suite, tmp_path, PLAN, {"notes": NOTES})
        runs: list[str] = []

        async def come_in() -> None:
            for _ in range(RUNS):
                runs.append(await caller.start(copies=random.choice((1, 1, 2))))
                await asyncio.sleep(0.08)

        coming = asyncio.create_task(come_in())
        losses: tuple[Callable[[], Awaitable[None]], ...] = (
            *(world.lose_tensors, world.lose_orchestrator, world.miss_tensors),
            *(world.lose_state, world.lose_tensors, world.lose_stages, world.lose_tensors),
        )
        for lose in losses:
            await asyncio.sleep(0.6)
            await lose()
            await caller.redis.client_kill_filter(_type="normal", skipme=True)
        await coming
        for run_id in runs:
            await assert_right(caller, run_id)
        assert not await caller.redis.exists("workflow:due", "workflow:in_flight:alpha")
        await caller.close()
        record_property("refused", dict(world.stages.refused))
        record_property("delays_s", world.delays_s(tmp_path))
        assert_it_was_hard(world, tmp_path)


async def assert_right(caller: Caller, run_id: str) -> None:
    outputs = await caller.outputs(run_id)
    assert outputs["told"] == [f"{QUIET}{CLEAN_ANSWER}"] * 2
    assert outputs["number"] == 1
    report = value_from_json(FILE, outputs["report"])
    assert isinstance(report, File)
    text = get_file(caller.store, report.key, tenant="alpha").decode()
    assert (text.count("The tide is out"), text.count("All is quiet")) == (300, 2 * 400)


def assert_it_was_hard(world: World, folder: Path) -> None:
    """The faults were felt: else all this says nothing."""
    delays_s = world.delays_s(folder)
    lease_s = float(world.suite.environ["EARTHGPTX_LEASE_S"])
    assert sum(late_s > lease_s for late_s in delays_s) > 5, delays_s
    assert world.stages.refused["TENSOR_GONE"] > 0 and world.stages.refused["STAGE_UNAVAILABLE"] > 0
    # Each of two tiles is looked at twice; the rest was made again.
    assert world.stages.finished["EncodeImage"] > 4 * RUNS
    written = [path for path in (folder / "objects" / "workflow_runs").rglob("*") if path.is_file()]
    assert len(written) >= LARGE_VALUES * RUNS
