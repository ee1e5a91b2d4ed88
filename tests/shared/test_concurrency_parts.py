"""Single flight, admission and the worker pool."""

import asyncio
import threading
import time

import pytest

from shared import rpc_context
from shared.admission import Admission
from shared.errors import QueueFull
from shared.single_flight import SingleFlight
from shared.worker_pool import WorkerPool
from tests.shared.metering import metric_reader, metric_sum, metrics_of


class Kitchen:
    """Makes things slowly; counts how often."""

    def __init__(self) -> None:
        self.made = 0
        self.stopped = 0
        self.deadlines: list[float | None] = []

    async def make(self) -> str:
        self.made += 1
        self.deadlines.append(rpc_context.deadline())
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return f"dish {self.made}"


async def test_equal_work_at_the_same_time_is_done_once() -> None:
    kitchen, flights = Kitchen(), SingleFlight[str]()
    results = await asyncio.gather(*(flights.run("a", kitchen.make) for _ in range(5)))
    assert results == ["dish 1"] * 5
    assert await flights.run("a", kitchen.make) == "dish 2"


async def test_other_keys_are_other_work() -> None:
    kitchen, flights = Kitchen(), SingleFlight[str]()
    await asyncio.gather(flights.run("a", kitchen.make), flights.run("b", kitchen.make))
    assert kitchen.made == 2


async def test_the_first_caller_may_go_without_harm_to_those_who_joined() -> None:
    kitchen, flights = Kitchen(), SingleFlight[str]()
    first = asyncio.create_task(flights.run("a", kitchen.make))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(flights.run("a", kitchen.make))
    await asyncio.sleep(0.01)
    first.cancel()
    assert await second == "dish 1"
    assert kitchen.stopped == 0


async def test_work_nobody_waits_for_is_stopped_and_can_begin_anew() -> None:
    kitchen, flights = Kitchen(), SingleFlight[str]()
    callers = [asyncio.create_task(flights.run("a", kitchen.make)) for _ in range(2)]
    await asyncio.sleep(0.01)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    assert kitchen.stopped == 1
    assert await flights.run("a", kitchen.make) == "dish 2"


async def test_shared_work_has_no_deadline_of_the_caller_who_came_first() -> None:
    kitchen, flights = Kitchen(), SingleFlight[str]()
    rpc_context.set_call(time.monotonic() + 1, "someone")
    await flights.run("a", kitchen.make)
    assert kitchen.deadlines == [None]
    assert rpc_context.deadline() is not None


async def test_a_failure_reaches_all_who_joined_and_is_not_kept() -> None:
    flights = SingleFlight[str]()

    async def fail() -> str:
        await asyncio.sleep(0.01)
        raise ValueError("burnt")

    results = await asyncio.gather(
        *(flights.run("a", fail) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, ValueError) for result in results)
    assert await flights.run("a", Kitchen().make) == "dish 1"


def test_a_full_house_refuses_and_a_leaver_makes_room() -> None:
    reader = metric_reader()
    house = Admission(2, metrics_of(reader))
    with house.enter():
        with house.enter(), pytest.raises(QueueFull) as caught, house.enter():
            pass
        assert caught.value.retry_after_s
        with house.enter():
            pass
    assert metric_sum(reader, "earthgptx_stage_rejects") == 1


def test_a_place_is_given_back_on_failure() -> None:
    house = Admission(1, metrics_of(metric_reader()))
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), house.enter():
            raise ValueError("x")


async def test_blocking_work_leaves_the_loop_free_and_keeps_the_context() -> None:
    pool = WorkerPool("test", 2)
    rpc_context.set_call(None, "caller")
    assert await pool.run(rpc_context.caller) == "caller"
    assert await pool.run(threading.get_ident) != threading.get_ident()
    await pool.close()


async def test_work_that_has_not_begun_is_dropped_with_its_caller() -> None:
    pool = WorkerPool("test", 1)
    hold, ran = threading.Event(), list[str]()
    first = asyncio.create_task(pool.run(hold.wait, 5))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(pool.run(ran.append, "second"))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.wait([second])
    hold.set()
    await first
    await pool.run(ran.append, "third")
    assert ran == ["third"]
    await pool.close()
