import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import rpc_context
from shared.arrivals import BULK_WAIT_S, bulk_wait_s
from shared.batching import MIN_RETRY_AFTER_S, Batcher
from shared.errors import DeadlineExceeded, InvalidInput, QueueFull, StageUnavailable
from shared.waiting_line import ONE_OF
from tests.shared.metering import metric_reader, metric_sum, metrics_of


class Model:
    """Doubles numbers; can be held, refuses 13, remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = threading.Event()
        self.free.set()
        self.threads: set[int] = set()

    def run(self, items: list[int]) -> list[int]:
        self.batches.append(list(items))
        self.threads.add(threading.get_ident())
        assert self.free.wait(10)
        if 13 in items:
            raise InvalidInput("13 brings bad luck", field="number")
        return [2 * item for item in items]


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.free.set()


def batcher_of(
    model: Model, max_batch: int = 4, max_wait_s: float = 0.02, max_queue: int = 8
) -> Batcher[int, int]:
    return Batcher(
        model.run,
        max_batch=max_batch,
        max_wait_s=max_wait_s,
        max_queue=max_queue,
        name="test",
        metrics=metrics_of(metric_reader()),
        tracer=TracerProvider().get_tracer("test"),
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_requests_that_come_together_share_a_call(model: Model) -> None:
    batcher = batcher_of(model)
    assert await asyncio.gather(*(batcher.submit(n) for n in range(4))) == [0, 2, 4, 6]
    assert model.batches == [[0, 1, 2, 3]]
    assert threading.get_ident() not in model.threads
    await batcher.close()


async def test_a_lone_request_does_not_wait(model: Model) -> None:
    batcher = batcher_of(model, max_wait_s=30)
    async with asyncio.timeout(5):
        assert await batcher.submit(1) == 2
    await batcher.close()


async def test_who_is_announced_is_waited_for(model: Model) -> None:
    batcher = batcher_of(model, max_wait_s=30)

    async def make_ready_and_submit() -> int:
        with batcher.announced():
            await asyncio.sleep(0.02)
            assert model.batches == []
        return await batcher.submit(2)

    second = asyncio.create_task(make_ready_and_submit())
    await asyncio.sleep(0)
    assert await asyncio.gather(batcher.submit(1), second) == [2, 4]
    assert model.batches == [[1, 2]]
    await batcher.close()


async def test_who_is_announced_and_does_not_come_holds_nobody_up(model: Model) -> None:
    batcher = batcher_of(model, max_wait_s=30)

    with pytest.raises(InvalidInput), batcher.announced():
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.02)
        assert model.batches == []
        raise InvalidInput("cannot be made ready", field="number")
    async with asyncio.timeout(5):
        assert await first == 2
    await batcher.close()


async def test_who_is_announced_is_waited_for_no_longer_than_asked(model: Model) -> None:
    batcher = batcher_of(model, max_wait_s=0.05)
    with batcher.announced():
        started = time.monotonic()
        async with asyncio.timeout(5):
            assert await batcher.submit(1) == 2
        assert time.monotonic() - started > 0.04
    await batcher.close()


async def test_no_batch_is_larger_than_the_limit(model: Model) -> None:
    batcher = batcher_of(model, max_batch=3)
    await asyncio.gather(*(batcher.submit(n) for n in range(8)))
    assert [len(batch) for batch in model.batches] == [3, 3, 2]
    await batcher.close()


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(model: Model) -> None:
    model.free.clear()
    batcher = batcher_of(model, max_batch=1, max_queue=2)
    running = asyncio.create_task(batcher.submit(0))
    await until(lambda: model.batches == [[0]])
    queued = [asyncio.create_task(batcher.submit(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull) as caught:
        await batcher.submit(3)
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s > 0
    model.free.set()
    assert await asyncio.gather(running, *queued) == [0, 2, 4]
    await batcher.close()


async def test_who_is_cancelled_in_the_queue_never_reaches_the_model(model: Model) -> None:
    model.free.clear()
    batcher = batcher_of(model, max_batch=1, max_queue=1)
    running = asyncio.create_task(batcher.submit(0))
    await until(lambda: model.batches == [[0]])
    queued = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0.01)
    queued.cancel()
    await asyncio.wait([queued])
    assert queued.cancelled()
    follower = asyncio.create_task(batcher.submit(2))  # its place in the queue is free again
    await asyncio.sleep(0.01)
    model.free.set()
    assert await asyncio.gather(running, follower) == [0, 4]
    assert model.batches == [[0], [2]]
    await batcher.close()


async def test_who_is_past_the_deadline_never_reaches_the_model(model: Model) -> None:
    model.free.clear()
    batcher = batcher_of(model, max_batch=1)

    async def hurried() -> int:
        rpc_context.set_call(time.monotonic() + 0.02, "")
        return await batcher.submit(1)

    running = asyncio.create_task(batcher.submit(0))
    await until(lambda: model.batches == [[0]])
    late = asyncio.create_task(hurried())
    await asyncio.sleep(0.05)
    model.free.set()
    with pytest.raises(DeadlineExceeded):
        await late
    assert await running == 0
    assert model.batches == [[0]]
    await batcher.close()


async def test_one_bad_request_does_not_fail_its_neighbours(model: Model) -> None:
    batcher = batcher_of(model)
    results = await asyncio.gather(*(batcher.submit(n) for n in (1, 13, 3)), return_exceptions=True)
    assert results[0] == 2
    assert isinstance(results[1], InvalidInput)
    assert results[2] == 6
    await batcher.close()


async def test_closing_lets_the_running_call_end_and_fails_those_that_wait(model: Model) -> None:
    model.free.clear()
    batcher = batcher_of(model, max_batch=1)
    running = asyncio.create_task(batcher.submit(0))
    await until(lambda: model.batches == [[0]])
    queued = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(batcher.close())
    with pytest.raises(StageUnavailable):
        await queued
    model.free.set()
    await closing
    assert await running == 0
    with pytest.raises(StageUnavailable):
        await batcher.submit(2)


async def test_a_batch_span_links_to_all_its_requests(model: Model) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    batcher = Batcher(
        model.run,
        max_batch=2,
        max_wait_s=0.05,
        max_queue=4,
        name="test",
        metrics=metrics_of(metric_reader()),
        tracer=tracer,
    )

    async def traced(number: int) -> int:
        with tracer.start_as_current_span(f"request {number}"):
            return await batcher.submit(number)

    await asyncio.gather(traced(1), traced(2))
    spans = {span.name: span for span in exporter.get_finished_spans()}
    linked = {link.context.span_id for link in spans["test.model"].links}
    assert linked == {spans[f"request {n}"].context.span_id for n in (1, 2)}
    await batcher.close()


async def test_queue_and_rejects_are_counted_and_return_to_zero(model: Model) -> None:
    reader = metric_reader()
    batcher = Batcher(
        model.run,
        max_batch=1,
        max_wait_s=0.0,
        max_queue=1,
        name="test",
        metrics=metrics_of(reader),
        tracer=TracerProvider().get_tracer("test"),
    )
    model.free.clear()
    running = asyncio.create_task(batcher.submit(0))
    await until(lambda: model.batches == [[0]])
    queued = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0.01)
    assert metric_sum(reader, "earthgptx_stage_queue_depth") == 1
    assert metric_sum(reader, "earthgptx_stage_running") == 1
    with pytest.raises(QueueFull):
        await batcher.submit(2)
    model.free.set()
    await asyncio.gather(running, queued)
    assert metric_sum(reader, "earthgptx_stage_queue_depth") == 0
    assert metric_sum(reader, "earthgptx_stage_running") == 0
    assert metric_sum(reader, "earthgptx_stage_rejects") == 1
    await batcher.close()


async def test_who_is_waited_for_by_a_person_is_in_the_next_batch(model: Model) -> None:
    model.free.clear()
    batcher = batcher_of(model, max_batch=3, max_queue=20)
    rpc_context.set_call(None, "bulk", "batch")
    bulk = [asyncio.create_task(batcher.submit(n)) for n in range(9)]
    await until(lambda: bool(model.batches))
    rpc_context.set_call(None, "person", "interactive")
    pressing = asyncio.create_task(batcher.submit(100))
    await asyncio.sleep(0)
    model.free.set()
    assert await pressing == 200
    await asyncio.gather(*bulk)
    assert 100 in model.batches[1]
    await batcher.close()


async def test_bulk_work_waits_for_its_share_of_those_under_way(model: Model) -> None:
    batcher = batcher_of(model, max_batch=4, max_queue=20)
    rpc_context.set_call(None, "bulk", "batch", lambda: 3 * ONE_OF)
    submitted = []
    for number in range(3):
        submitted.append(asyncio.create_task(batcher.submit(number)))
        await asyncio.sleep(MIN_RETRY_AFTER_S / 5)
    assert await asyncio.gather(*submitted) == [0, 2, 4]
    assert model.batches == [[0, 1, 2]]
    await batcher.close()


async def test_bulk_work_waits_no_longer_than_a_moment(model: Model) -> None:
    batcher = batcher_of(model)
    rpc_context.set_call(None, "bulk", "batch", lambda: 1000)
    started_s = time.monotonic()
    assert await batcher.submit(1) == 2
    # Nothing is known yet of how long a batch takes.
    assert bulk_wait_s(MIN_RETRY_AFTER_S) <= time.monotonic() - started_s < 1
    # Now it is: next to no time.
    async with asyncio.timeout(BULK_WAIT_S / 2):
        assert await batcher.submit(2) == 4
    await batcher.close()


async def test_where_a_person_waits_bulk_work_waits_for_nobody(model: Model) -> None:
    batcher = batcher_of(model)
    rpc_context.set_call(None, "bulk", "batch", lambda: 1000)
    bulk = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0.01)
    rpc_context.set_call(None, "person", "interactive")
    async with asyncio.timeout(bulk_wait_s(MIN_RETRY_AFTER_S) / 2):
        assert await batcher.submit(2) == 4
    assert await bulk == 2
    await batcher.close()
