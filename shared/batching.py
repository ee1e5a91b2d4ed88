"""Dynamic batching: many callers on the event loop, one model on one worker thread.

A request waits until the model is free; meanwhile others join it. An incomplete batch waits a
little for those who are announced, up to `max_wait_s`, and one of bulk work for more of it
(`shared.arrivals`). The queue is bounded: beyond it `QueueFull` comes at once; the more pressing
are taken first (`shared.waiting_line`). Who is cancelled or past its deadline while waiting never
reaches the model. If a batch of several fails, each of its requests runs alone, so that one
bad request does not fail its neighbours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, Tracer

from shared import rpc_context
from shared.arrivals import Arrivals
from shared.errors import DeadlineExceeded, QueueFull, StageUnavailable
from shared.stage_metrics import StageMetrics
from shared.waiting_line import WaitingLine

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

MIN_RETRY_AFTER_S = 0.1


@dataclass(eq=False)
class _Waiting(Generic[ItemT, ResultT]):
    item: ItemT
    result: asyncio.Future[ResultT]
    deadline: float | None
    span_context: SpanContext


class Batcher(Generic[ItemT, ResultT]):
    """Gathers single requests into calls of `run_batch` on one worker thread."""

    def __init__(
        self,
        run_batch: Callable[[list[ItemT]], list[ResultT]],
        *,
        max_batch: int,
        max_wait_s: float,
        max_queue: int,
        name: str,
        metrics: StageMetrics,
        tracer: Tracer,
    ) -> None:
        """Nothing runs before the first `submit`.

        Args:
            run_batch: The model: one result for each item, in their order. Called on one thread.
            max_batch: Most items in a call.
            max_wait_s: How long an incomplete batch waits for those who are announced.
            max_queue: Most items waiting.
            name: Of the stage, for threads and spans.
            metrics: Told about queue, batches, rejects and cancels.
            tracer: Each call gets a span linked to the spans of its requests.
        """
        self._run_batch = run_batch
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._name = name
        self._metrics = metrics
        self._tracer = tracer
        self._waiting: WaitingLine[_Waiting[ItemT, ResultT]] = WaitingLine(max_queue)
        self._arrivals = Arrivals()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-model")
        self._loop_task: asyncio.Task[None] | None = None
        self._closed = False
        self._recent_call_s = MIN_RETRY_AFTER_S

    def announced(self) -> AbstractContextManager[None]:
        """For the time in which a request is made ready: an incomplete batch waits for it."""
        return self._arrivals.announced()

    async def submit(self, item: ItemT) -> ResultT:
        """Waits for the model's result for `item`.

        Raises:
            QueueFull: The queue is full; `retry_after_s` estimates when it will not be.
            DeadlineExceeded: The caller's deadline passed while waiting.
            StageUnavailable: The stage is closing.
        """
        if self._closed:
            raise StageUnavailable("the stage is shutting down", retry_after_s=1.0)
        waiting: _Waiting[ItemT, ResultT] = _Waiting(
            item,
            asyncio.get_running_loop().create_future(),
            rpc_context.deadline(),
            trace.get_current_span().get_span_context(),
        )
        try:
            self._waiting.join(
                waiting, rpc_context.priority(), self._estimated_wait_s(), rpc_context.company()
            )
        except QueueFull:
            self._metrics.rejected()
            raise
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run(), name=f"{self._name}-batcher")
        self._metrics.queued(1)
        self._arrivals.note()
        try:
            return await waiting.result
        except asyncio.CancelledError:
            self._call_off(waiting)
            raise

    async def close(self) -> None:
        """Refuses new items, fails those that wait, and lets a running call end."""
        self._closed = True
        for waiting in self._waiting.clear():
            if not waiting.result.done():
                waiting.result.set_exception(StageUnavailable("the stage is shutting down"))
            self._metrics.queued(-1)
        self._arrivals.note()
        if self._loop_task is not None:
            await self._loop_task
        await asyncio.to_thread(self._worker.shutdown)

    def _call_off(self, waiting: _Waiting[ItemT, ResultT]) -> None:
        if self._waiting.leave(waiting):
            self._metrics.queued(-1)
            self._metrics.cancelled("queued")
        else:
            self._metrics.cancelled("running")

    def _estimated_wait_s(self) -> float:
        batches = -(-len(self._waiting) // self._max_batch)
        return max(MIN_RETRY_AFTER_S, batches * self._recent_call_s)

    async def _run(self) -> None:
        while not self._closed:
            await self._gather()
            batch = self._take()
            if batch:
                await self._call_model(batch)

    async def _gather(self) -> None:
        """Returns when a batch is full, or there is no company left to wait for."""
        while not self._waiting:
            if self._closed:
                return
            await self._arrivals.change()
        await self._arrivals.company(
            self._waiting, self._max_batch, self._max_wait_s, self._recent_call_s
        )

    def _take(self) -> list[_Waiting[ItemT, ResultT]]:
        batch: list[_Waiting[ItemT, ResultT]] = []
        now = time.monotonic()
        while self._waiting and len(batch) < self._max_batch:
            for waiting, waited_s in self._waiting.take(self._max_batch - len(batch)):
                self._metrics.queued(-1)
                self._metrics.waited(waited_s)
                if waiting.result.done():
                    continue
                if waiting.deadline is not None and waiting.deadline <= now:
                    self._metrics.rejected(DeadlineExceeded.code)
                    late = DeadlineExceeded("the deadline passed in the queue")
                    waiting.result.set_exception(late)
                    continue
                batch.append(waiting)
        return batch

    async def _call_model(self, batch: list[_Waiting[ItemT, ResultT]]) -> None:
        items = [waiting.item for waiting in batch]
        links = [Link(waiting.span_context) for waiting in batch]
        parent = trace.set_span_in_context(trace.NonRecordingSpan(batch[0].span_context))
        started = time.perf_counter()
        self._metrics.running(len(batch))
        with self._tracer.start_as_current_span(
            f"{self._name}.model", context=parent, links=links, record_exception=False
        ) as span:
            span.set_attribute("earthgptx.batch_size", len(batch))
            loop = asyncio.get_running_loop()
            call = loop.run_in_executor(self._worker, self._run_batch, items)
            await asyncio.wait([call])
        self._recent_call_s = time.perf_counter() - started
        self._metrics.running(-len(batch))
        self._metrics.ran(len(batch), self._recent_call_s)
        error = call.exception()
        if error is None:
            for waiting, result in zip(batch, call.result(), strict=True):
                if not waiting.result.done():
                    waiting.result.set_result(result)
        elif len(batch) == 1:
            if not batch[0].result.done():
                batch[0].result.set_exception(error)
        else:
            for waiting in batch:
                if not waiting.result.done():
                    await self._call_model([waiting])
