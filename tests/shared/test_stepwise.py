import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.trace import TracerProvider

from shared import rpc_context
from shared.arrivals import BULK_WAIT_S
from shared.errors import InvalidInput, QueueFull, StageUnavailable
from shared.stepwise import StepScheduler
from shared.waiting_line import ONE_OF
from tests.shared.metering import metric_reader, metric_sum, metrics_of

STEP_S = 0.002


@dataclass(frozen=True)
class Count:
    """Ask for 1, 2, ... up to `to`."""

    to: int
    group: int = 0


@dataclass(frozen=True)
class Said:
    row: int
    number: int
    finished: str | None


class Counting:
    """An open batch that counts; to 13 it will not, to 70 it cannot."""

    def __init__(self, asked: list[Count], opened: list["Counting"]) -> None:
        if any(count.to == 13 for count in asked):
            raise InvalidInput("13 brings bad luck", field="to")
        self.asked = asked
        self.said = {row: 0 for row in range(len(asked))}
        self.dropped: list[int] = []
        self.steps = 0
        opened.append(self)

    @property
    def done(self) -> bool:
        return not self.said

    def step(self) -> list[Said]:
        time.sleep(STEP_S)
        self.steps += 1
        outputs = []
        for row in list(self.said):
            self.said[row] += 1
            if self.said[row] == 66 and self.asked[row].to == 70:
                raise RuntimeError("the model broke")
            finished = "stop" if self.said[row] == self.asked[row].to else None
            outputs.append(Said(row, self.said[row], finished))
            if finished:
                del self.said[row]
        return outputs

    def drop(self, row: int) -> None:
        self.dropped.append(row)
        del self.said[row]


class Bench:
    def __init__(self, max_batch: int = 4, max_open: int = 2, max_queue: int = 8) -> None:
        self.opened: list[Counting] = []
        self.reader = metric_reader()
        self.scheduler: StepScheduler[Count, Said] = StepScheduler(
            lambda asked: Counting(asked, self.opened),
            lambda count: count.group,
            max_batch=max_batch,
            max_open=max_open,
            max_wait_s=0.01,
            max_queue=max_queue,
            name="test",
            metrics=metrics_of(self.reader),
            tracer=TracerProvider().get_tracer("test"),
        )

    async def count(self, to: int, group: int = 0) -> list[int]:
        return [said.number async for said in self.scheduler.stream(Count(to, group))]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.scheduler.close()
    assert metric_sum(made.reader, "earthgptx_stage_queue_depth") == 0
    assert metric_sum(made.reader, "earthgptx_stage_running") == 0


async def test_requests_that_come_together_step_together(bench: Bench) -> None:
    assert await asyncio.gather(bench.count(3), bench.count(5)) == [[1, 2, 3], [1, 2, 3, 4, 5]]
    assert len(bench.opened) == 1
    assert bench.opened[0].steps == 5


async def test_who_is_announced_steps_with_who_waits(bench: Bench) -> None:
    async def make_ready_and_count() -> list[int]:
        with bench.scheduler.announced():
            await asyncio.sleep(0)
        return await bench.count(5)

    late = asyncio.create_task(make_ready_and_count())
    await asyncio.sleep(0)
    assert await asyncio.gather(bench.count(3), late) == [[1, 2, 3], [1, 2, 3, 4, 5]]
    assert len(bench.opened) == 1


async def test_a_late_request_does_not_wait_for_a_long_answer(bench: Bench) -> None:
    long = asyncio.create_task(bench.count(600))
    await asyncio.sleep(10 * STEP_S)
    assert await bench.count(3) == [1, 2, 3]
    assert not long.done()
    assert await long == list(range(1, 601))
    assert len(bench.opened) == 2


async def test_groups_are_not_mixed(bench: Bench) -> None:
    await asyncio.gather(bench.count(2, group=0), bench.count(2, group=1), bench.count(2, group=0))
    assert sorted(len(batch.asked) for batch in bench.opened) == [1, 2]


async def test_beyond_the_open_batches_requests_gather(bench: Bench) -> None:
    first = asyncio.create_task(bench.count(300))
    await asyncio.sleep(5 * STEP_S)
    second = asyncio.create_task(bench.count(300))
    await asyncio.sleep(5 * STEP_S)
    rest = [asyncio.create_task(bench.count(2)) for _ in range(3)]
    await asyncio.gather(first, second, *rest)
    assert [len(batch.asked) for batch in bench.opened] == [1, 1, 3]


async def test_a_cancelled_row_takes_part_in_no_second_further_step(bench: Bench) -> None:
    async with aclosing(bench.scheduler.stream(Count(60))) as numbers:
        neighbour = asyncio.create_task(bench.count(30))
        async for said in numbers:
            if said.number == 5:
                break
    steps_at_cancel = bench.opened[0].steps
    assert await neighbour == list(range(1, 31))
    assert bench.opened[0].dropped == [0]
    assert metric_sum(bench.reader, "earthgptx_stage_cancels") == 1
    assert steps_at_cancel <= 6


async def test_when_all_rows_are_cancelled_the_model_is_idle_within_a_step(bench: Bench) -> None:
    task = asyncio.create_task(bench.count(60))
    await asyncio.sleep(10 * STEP_S)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(3 * STEP_S)
    steps = bench.opened[0].steps
    await asyncio.sleep(10 * STEP_S)
    assert bench.opened[0].steps == steps


async def test_one_bad_request_does_not_fail_its_neighbours(bench: Bench) -> None:
    results = await asyncio.gather(
        bench.count(2), bench.count(13), bench.count(3), return_exceptions=True
    )
    assert results[0] == [1, 2]
    assert isinstance(results[1], InvalidInput)
    assert results[2] == [1, 2, 3]


async def test_a_model_that_breaks_ends_its_rows_and_no_others(bench: Bench) -> None:
    broken = asyncio.create_task(bench.count(70))
    await asyncio.sleep(10 * STEP_S)
    assert await bench.count(5) == [1, 2, 3, 4, 5]
    with pytest.raises(RuntimeError):
        await broken
    assert await bench.count(2) == [1, 2]


async def test_a_full_queue_refuses_at_once() -> None:
    bench = Bench(max_batch=1, max_open=1, max_queue=1)
    running = asyncio.create_task(bench.count(30))
    await asyncio.sleep(5 * STEP_S)
    queued = asyncio.create_task(bench.count(1))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await bench.count(1)
    assert await queued == [1]
    await running
    await bench.scheduler.close()


async def test_closing_ends_every_caller() -> None:
    bench = Bench(max_batch=1, max_open=1)
    running = asyncio.create_task(bench.count(60))
    queued = asyncio.create_task(bench.count(60))
    await asyncio.sleep(5 * STEP_S)
    await bench.scheduler.close()
    for task in (running, queued):
        with pytest.raises(StageUnavailable):
            await task
    with pytest.raises(StageUnavailable):
        await bench.count(1)
    assert not [t for t in threading.enumerate() if t.name.startswith("test-model")]


async def test_long_bulk_answers_leave_a_turn_free_for_who_is_waited_for() -> None:
    bench = Bench(max_batch=1, max_open=2)
    rpc_context.set_call(None, "bulk", "batch")
    bulk = [asyncio.create_task(bench.count(40)) for _ in range(3)]
    await asyncio.sleep(5 * STEP_S)
    rpc_context.set_call(None, "person", "interactive")
    assert await bench.count(3) == [1, 2, 3]
    assert len(bench.opened) == 2
    assert not bulk[0].done()
    await asyncio.gather(*bulk)
    await bench.scheduler.close()


async def test_bulk_work_gathers_while_a_batch_is_open() -> None:
    bench = Bench(max_batch=4, max_open=3, max_queue=32)
    rpc_context.set_call(None, "bulk", "batch", lambda: 2 * ONE_OF)
    first = [asyncio.create_task(bench.count(60)) for _ in range(2)]
    await asyncio.sleep(3 * STEP_S)
    second = asyncio.create_task(bench.count(2))
    await asyncio.sleep(3 * STEP_S)
    third = asyncio.create_task(bench.count(2))
    await asyncio.gather(second, third)
    assert not first[0].done()
    assert [len(batch.asked) for batch in bench.opened] == [2, 2]
    await asyncio.gather(*first)
    await bench.scheduler.close()


async def test_bulk_work_is_opened_beside_others_after_a_moment() -> None:
    bench = Bench(max_open=3)
    long = asyncio.create_task(bench.count(int(2 * BULK_WAIT_S / STEP_S)))
    await asyncio.sleep(3 * STEP_S)
    rpc_context.set_call(None, "bulk", "batch", lambda: 1000)
    async with asyncio.timeout(BULK_WAIT_S + 1):
        assert await bench.count(3) == [1, 2, 3]
    assert not long.done()
    long.cancel()
    await asyncio.wait([long])
    await bench.scheduler.close()
