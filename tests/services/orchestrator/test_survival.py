"""A durable run ends once and right, whoever is killed in the middle of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.interpretation.events import Ended, Event, MaskDrawn, TextSaid
from shared.messages.celery_app import KEY_PREFIX, StepCommand, make_celery_app, send_step
from shared.run_records.event_tail import follow_events
from shared.run_records.records import RunLimits, RunRecords
from shared.run_records.state_redis import open_state_redis
from shared.settings import ProcessSettings, Secret
from tests.fakes import CLEAN_ANSWER
from tests.plans import plan
from tests.services.orchestrator.suite_processes import SUITE_KEY, Processes, processes

pytestmark = pytest.mark.timeout(90)
# The answer of the fakes takes about 1.4 s with this.
SLOW = ("--token-pause-s", "0.05")


class Caller:
    """Does what the gateway does for a durable request."""

    def __init__(self, suite: Processes) -> None:
        self.redis = open_state_redis(suite.redis.url)
        self.records = RunRecords(self.redis, RunLimits(resend_after_s=1.0))
        settings = ProcessSettings(suite_key=Secret(SUITE_KEY), state_redis_url=suite.redis.url)
        self.app = make_celery_app(settings)

    async def ask(self, copies: int = 1, **changes: Any) -> str:
        asked = plan(regions=(), **changes)
        run_id, _ = await self.records.create(
            asked, idempotency_key="", digest="", timeout_s=60, max_running=99, trace=""
        )
        for _ in range(copies):
            await asyncio.to_thread(send_step, self.app, StepCommand(run_id, "encode_image", 1), "")
        return run_id

    async def told(self, run_id: str, timeout_s: float = 30) -> list[Event]:
        async with asyncio.timeout(timeout_s):
            return [event async for event in follow_events(self.redis, run_id)]

    async def until_step(self, run_id: str, step: str, state: str) -> None:
        async with asyncio.timeout(20):
            while (await self.records.read(run_id)).get(f"s:{step}:state") != state:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def caller_of(suite: Processes) -> AsyncIterator[Caller]:
    caller = Caller(suite)
    yield caller
    await caller.redis.aclose()
    caller.app.close()


def assert_answered_once(told: list[Event]) -> None:
    assert "".join(event.text for event in told if isinstance(event, TextSaid)) == CLEAN_ANSWER
    assert sum(isinstance(event, MaskDrawn) for event in told) == 1
    ends = [event for event in told if isinstance(event, Ended)]
    assert [end.state for end in ends] == ["succeeded"], ends


async def test_a_killed_orchestrator_is_replaced_by_another(tmp_path: Path) -> None:
    with processes(tmp_path, *SLOW) as suite:
        first = suite.start_orchestrator()
        async with caller_of(suite) as caller:
            run_id = await caller.ask()
            await caller.until_step(run_id, "reason", "running")
            second = asyncio.to_thread(suite.start_orchestrator)
            first.process.kill()
            killed_at = time.monotonic()
            await second
            assert_answered_once(await caller.told(run_id))
            assert time.monotonic() - killed_at < 12
            record = await caller.records.read(run_id)
            assert record["s:reason:attempts"] == "2"


async def test_a_killed_stage_is_asked_again_when_it_is_back(tmp_path: Path) -> None:
    with processes(tmp_path, *SLOW) as suite:
        suite.start_orchestrator()
        async with caller_of(suite) as caller:
            run_id = await caller.ask()
            await caller.until_step(run_id, "reason", "running")
            await asyncio.sleep(0.3)
            suite.stages.kill()
            await asyncio.sleep(1)
            suite.stages.start()
            assert_answered_once(await caller.told(run_id))


async def test_a_killed_broker_comes_back_with_every_run(tmp_path: Path) -> None:
    with processes(tmp_path, *SLOW) as suite:
        suite.start_orchestrator()
        async with caller_of(suite) as caller:
            runs = [await caller.ask() for _ in range(5)]
            await caller.until_step(runs[0], "reason", "running")
            telling = [asyncio.create_task(caller.told(run_id)) for run_id in runs]
            suite.redis.kill()
            await asyncio.sleep(2)
            suite.redis.start()
            for told in await asyncio.gather(*telling):
                assert_answered_once(told)


async def test_a_broker_that_lost_its_messages_loses_no_run(tmp_path: Path) -> None:
    with processes(tmp_path) as suite:
        async with caller_of(suite) as caller:
            run_id = await caller.ask()
            async for key in caller.redis.scan_iter(KEY_PREFIX + "*"):
                await caller.redis.delete(key)
            suite.start_orchestrator()
            assert_answered_once(await caller.told(run_id))


async def test_messages_delivered_many_times_have_one_effect(tmp_path: Path) -> None:
    with processes(tmp_path, "--pause-s", "0.1") as suite:
        suite.start_orchestrator()
        suite.start_orchestrator()
        async with caller_of(suite) as caller:
            runs = [await caller.ask(copies=4) for _ in range(5)]
            for run_id in runs:
                assert_answered_once(await caller.told(run_id))
                record = await caller.records.read(run_id)
                assert record["s:encode_image:attempts"] == "1"


async def test_a_stopped_orchestrator_hands_its_steps_over(tmp_path: Path) -> None:
    with processes(tmp_path, *SLOW) as suite:
        first = suite.start_orchestrator()
        suite.start_orchestrator()
        async with caller_of(suite) as caller:
            runs = [await caller.ask() for _ in range(4)]
            await caller.until_step(runs[0], "reason", "running")
            first.process.terminate()
            assert await asyncio.to_thread(first.process.wait, 20) == 0
            for run_id in runs:
                assert_answered_once(await caller.told(run_id))


async def test_a_workflow_is_quick_through_the_broker(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with processes(tmp_path) as suite:
        suite.start_orchestrator()
        async with caller_of(suite) as caller:
            took_ms = []
            for _ in range(20):
                started = time.perf_counter()
                await caller.told(await caller.ask())
                took_ms.append((time.perf_counter() - started) * 1000)
    median_ms = sorted(took_ms)[len(took_ms) // 2]
    record_property("median_ms", median_ms)
    assert median_ms < 500
