from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from celery.worker import state
from redis.asyncio import Redis

from services.orchestrator.urgent_slots import urgent_slots
from services.orchestrator.worker import QueueWorker
from shared.messages.celery_app import (
    QUEUES,
    UNIT_TASK,
    URGENT_QUEUES,
    make_celery_app,
    send_units,
    unit_queue_of,
)
from shared.rpc_context import Priority
from shared.settings import ProcessSettings, Secret
from shared.workflow_runs.views import ReadyUnit
from tests.services.orchestrator.conftest import SUITE_KEY

CONCURRENCY = 4
FOR_ANY = 3


@pytest.mark.parametrize(
    ("concurrency", "kept"), [(1, 0), (2, 1), (4, 1), (CONCURRENCY * 4, CONCURRENCY)]
)
def test_one_slot_in_four_is_for_urgent_messages(concurrency: int, kept: int) -> None:
    assert urgent_slots(concurrency, QUEUES) == kept


@pytest.mark.parametrize("queues", [URGENT_QUEUES, (unit_queue_of("reasoner", "batch"),)])
def test_no_slot_is_kept_where_all_messages_are_alike(queues: tuple[str, ...]) -> None:
    assert urgent_slots(16, queues) == 0


class Bench:
    """A worker on real Redis. Units called "long..." last until `ended` is set."""

    def __init__(self, state_url: str) -> None:
        self.began_at: dict[str, float] = {}
        self.running: set[str] = set()
        self.ended = asyncio.Event()
        settings = ProcessSettings(suite_key=Secret(SUITE_KEY), state_redis_url=state_url)
        self.sender = make_celery_app(settings)
        self.app = make_celery_app(settings)
        loop = asyncio.get_running_loop()
        work = {UNIT_TASK: self._run}
        self.worker = QueueWorker(self.app, work, loop, concurrency=CONCURRENCY, kinds=())

    async def send(self, priority: Priority, *units: str) -> None:
        ready = [ReadyUnit("r", unit, "reasoner", priority, "", attempt=1) for unit in units]
        await asyncio.to_thread(send_units, self.sender, ready)

    async def wait_s(self, unit: str) -> float:
        """How long an interactive unit waits to begin."""
        sent_at = time.monotonic()
        await self.send("interactive", unit)
        await self.until_begun(unit)
        return self.began_at[unit] - sent_at

    async def until_begun(self, *units: str) -> None:
        async with asyncio.timeout(5):
            while not self.began_at.keys() >= set(units):
                await asyncio.sleep(0.002)

    async def until_running(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.running) != count:
                await asyncio.sleep(0.002)

    async def _run(self, fields: dict[str, Any], traceparent: str) -> None:
        unit = fields["unit"]
        self.began_at[unit] = time.monotonic()
        self.running.add(unit)
        if unit.startswith("long"):
            await self.ended.wait()
        self.running.discard(unit)


@pytest.fixture
async def bench(redis: Redis, state_url: str) -> AsyncIterator[Bench]:
    made = Bench(state_url)
    made.worker.start()
    yield made
    made.ended.set()
    await asyncio.to_thread(made.worker.stop, 5)
    assert not made.worker.alive()
    # Celery's word to all workers of a process; here comes another.
    state.should_stop = None
    made.app.close()
    made.sender.close()


async def test_an_urgent_unit_begins_at_once_however_many_bulk_units_run(bench: Bench) -> None:
    bulk = [f"long{n}" for n in range(2 * CONCURRENCY)]
    await bench.send("batch", *bulk[:CONCURRENCY])
    await bench.send("normal", *bulk[CONCURRENCY:])
    await bench.until_running(FOR_ANY)
    waits_s = [await bench.wait_s(f"urgent{n}") for n in range(5)]
    assert statistics.median(waits_s) < 0.1, waits_s
    await bench.until_running(FOR_ANY)
    assert bench.worker.busy()
    bench.ended.set()
    await bench.until_begun(*bulk)


async def test_urgent_units_have_every_slot_where_there_are_no_others(bench: Bench) -> None:
    urgent = [f"long{n}" for n in range(CONCURRENCY)]
    await bench.send("interactive", *urgent)
    await bench.until_begun(*urgent)
    await bench.send("batch", "bulk")
    bench.ended.set()
    await bench.until_begun("bulk")


# Celery says that another release will call off units whose connection is lost.
@pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")
async def test_slots_are_kept_after_the_broker_was_away(bench: Bench, redis: Redis) -> None:
    await bench.wait_s("before")
    await bench.until_running(0)
    await asyncio.sleep(0.1)  # Until it is acknowledged.
    await redis.client_kill_filter(_type="normal", skipme=True)
    bulk = [f"long{n}" for n in range(CONCURRENCY)]
    await bench.send("batch", *bulk)
    await bench.until_running(FOR_ANY)
    await bench.wait_s("after")
    await bench.until_running(FOR_ANY)
    assert sum(unit in bench.began_at for unit in bulk) == FOR_ANY
