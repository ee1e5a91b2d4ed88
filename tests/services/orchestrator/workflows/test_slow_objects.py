"""What is large is written under the lease, however long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from redis.asyncio import Redis

from services.orchestrator.task_work.arguments import Arguments
from services.orchestrator.task_work.context import TaskContext
from shared.workflow_runs.large_values import INLINE_LIMIT_BYTES, LargeValues
from tests.services.orchestrator.workflows.conftest import FAST, SCENE_JSON, Bench, planned
from tests.slow_directory import SlowDirectory
from workflow_language.values import Value

LATE_S = 1.5 * FAST.lease_s
PLAN = planned(
    "{workflow: slow, inputs: {scene: scene}, outputs: {said: $said}, steps: "
    "[{id: said, task: caption, with: {image: $scene}}]}"
)


async def test_a_write_that_outlasts_a_lease_is_done_once(redis: Redis, tmp_path: Path) -> None:
    calls = 0

    async def say(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        nonlocal calls
        calls += 1
        return {"text": "x" * INLINE_LIMIT_BYTES}

    objects = SlowDirectory(tmp_path, lambda: LATE_S)
    large = LargeValues(objects)
    bench = Bench(redis, {"caption": say}, large=large)
    run_id = await bench.create(PLAN, {"scene": SCENE_JSON})
    async with asyncio.timeout(15), asyncio.TaskGroup() as delivering:
        while await redis.hget(f"workflow:run:{run_id}", "state") == b"running":
            await bench.sweep.look()
            while bench.sent:
                delivering.create_task(bench.deliver(bench.sent.pop()))
            await asyncio.sleep(0.02)
    assert (await bench.outputs(run_id))["said"]
    # The words themselves and the outputs of the run, both written; then read, by the end and here.
    assert (calls, len(objects.pauses_s)) == (1, 3)
    await large.close()
