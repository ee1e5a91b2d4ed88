"""`python -m benchmarks.workflow_worker`: an orchestrator whose tasks do no work.

Everything else is that of the suite: consumer, records, sweeper. To the question `slow`, `answer`
takes its time; to `hang` it takes for ever, and notes when it was called off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from redis.asyncio import Redis

from services.orchestrator.server import open_service
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.task_work.arguments import Arguments, text_in, view_in, whole_in
from services.orchestrator.task_work.context import TaskContext, TaskWork
from shared.run_records.state_redis import open_state_redis
from shared.serving import Service, run_process
from shared.telemetry import Telemetry
from workflow_language.values import Table, Value

HANG, SLOW = "hang", "slow"
SLOW_S = 0.26
# When a task that hung began, and when it was called off: Unix time in seconds.
BEGAN, STOPPED = "benchmark:began", "benchmark:stopped"


def open_idle_service(settings: OrchestratorSettings, telemetry: Telemetry) -> Service:
    return open_service(settings, telemetry, idle_tasks(open_state_redis(settings.state_redis_url)))


def idle_tasks(redis: Redis) -> Mapping[str, TaskWork]:
    async def caption(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        return {"text": "words"}

    async def answer(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        question = text_in(arguments, "question")
        if question == SLOW:
            await asyncio.sleep(SLOW_S)
        elif question == HANG:
            await redis.set(BEGAN, time.time())
            try:
                await asyncio.Event().wait()
            finally:
                stopped_s = time.time()
                await redis.set(STOPPED, stopped_s)
        return {"text": "words"}

    async def tile(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        tiles = (view_in(arguments, "scene"),) * whole_in(arguments, "at_most")
        return {"tiles": tiles, "shown": Table((), ())}

    async def detect(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        return {"regions": ()}

    async def merge(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        return {"regions": ()}

    async def sort(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        return {"regions": ()}

    return {
        "caption": caption,
        "answer": answer,
        "tile": tile,
        "detect": detect,
        "merge": merge,
        "sort": sort,
    }


if __name__ == "__main__":
    run_process("orchestrator", OrchestratorSettings, open_idle_service)
