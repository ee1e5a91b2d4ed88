"""Step-by-step work for many callers on one worker thread.

A language model answers one token a step. Requests that arrive together are opened together and
step as rows of one batch; a request that arrives later is opened beside them, and the open batches
take turns, so that nobody waits for a long answer to end. Bulk work gathers a little first: a step
of eight rows takes as long as two steps of one. Who is called off is dropped before the
next step of its batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, Tracer

from shared import rpc_context
from shared.arrivals import Arrivals, bulk_wait_s
from shared.batching import MIN_RETRY_AFTER_S
from shared.errors import QueueFull, StageUnavailable
from shared.stage_metrics import StageMetrics
from shared.waiting_line import WaitingLine


class StepOutput(Protocol):
    """What one step gives for one row."""

    @property
    def row(self) -> int:
        """Which row of the batch, from 0."""

    @property
    def finished(self) -> str | None:
        """Why the row ended with this step; None if it goes on."""


OutputT = TypeVar("OutputT", bound=StepOutput)
ItemT = TypeVar("ItemT")


class OpenBatch(Protocol[OutputT]):
    """Rows that step together; used on the worker thread only."""

    @property
    def done(self) -> bool:
        """Whether no row is active."""

    def step(self) -> list[OutputT]:
        """One step of every active row."""

    def drop(self, row: int) -> None:
        """Ends a row without an output."""


@dataclass(eq=False)
class _Caller(Generic[ItemT, OutputT]):
    item: ItemT
    span_context: SpanContext
    outputs: asyncio.Queue[OutputT | BaseException] = field(default_factory=asyncio.Queue)
    called_off_at: float | None = None


@dataclass(eq=False)
class _Open(Generic[ItemT, OutputT]):
    batch: OpenBatch[OutputT]
    callers: dict[int, _Caller[ItemT, OutputT]]
    span: Span
    since: float


class StepScheduler(Generic[ItemT, OutputT]):
    """Opens batches and lets them take turns on one worker thread."""

    def __init__(
        self,
        open_batch: Callable[[list[ItemT]], OpenBatch[OutputT]],
        group_of: Callable[[ItemT], Hashable],
        *,
        max_batch: int,
        max_open: int,
        max_wait_s: float,
        max_queue: int,
        name: str,
        metrics: StageMetrics,
        tracer: Tracer,
    ) -> None:
        """Nothing runs before the first `stream`.

        Args:
            open_batch: Starts rows, one for each item in their order. Called on the worker thread.
            group_of: Only items of equal group are opened together.
            max_batch: Most rows of a batch.
            max_open: Most batches that take turns; more requests gather until one ends.
            max_wait_s: How long an idle model waits for rows that are announced.
            max_queue: Most requests waiting to be opened.
            name: Of the stage, for threads and spans.
            metrics: Told about queue, batches, rejects and cancels.
            tracer: Each batch gets a span linked to the spans of its requests.
        """
        self._open_batch = open_batch
        self._group_of = group_of
        self._max_batch = max_batch
        self._max_open = max_open
        self._max_wait_s = max_wait_s
        self._name = name
        self._metrics = metrics
        self._tracer = tracer
        self._waiting: WaitingLine[_Caller[ItemT, OutputT]] = WaitingLine(max_queue)
        self._open: list[_Open[ItemT, OutputT]] = []
        self._arrivals = Arrivals()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-model")
        self._loop_task: asyncio.Task[None] | None = None
        self._closed = False
        self._recent_batch_s = MIN_RETRY_AFTER_S

    def announced(self) -> AbstractContextManager[None]:
        """For the time in which a request is made ready: an idle model waits for it."""
        return self._arrivals.announced()

    async def stream(self, item: ItemT) -> AsyncGenerator[OutputT, None]:
        """Yields what each step gives for `item`, until it is finished.

        Closing the generator calls the row off: it takes part in no further step.

        Raises:
            QueueFull: The queue is full.
            StageUnavailable: The stage is closing.
        """
        if self._closed:
            raise StageUnavailable("the stage is shutting down", retry_after_s=1.0)
        caller: _Caller[ItemT, OutputT] = _Caller(item, trace.get_current_span().get_span_context())
        try:
            self._waiting.join(
                caller,
                rpc_context.priority(),
                max(MIN_RETRY_AFTER_S, self._recent_batch_s),
                rpc_context.company(),
            )
        except QueueFull:
            self._metrics.rejected()
            raise
        self._metrics.queued(1)
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run(), name=f"{self._name}-steps")
        self._arrivals.note()
        ended = False
        try:
            while not ended:
                output = await caller.outputs.get()
                ended = isinstance(output, BaseException) or output.finished is not None
                if isinstance(output, BaseException):
                    raise output
                yield output
        finally:
            if not ended:
                self._call_off(caller)

    async def close(self) -> None:
        """Refuses new requests and fails those that wait or run."""
        self._closed = True
        self._arrivals.note()
        if self._loop_task is not None:
            await self._loop_task
        await asyncio.to_thread(self._worker.shutdown)

    def _call_off(self, caller: _Caller[ItemT, OutputT]) -> None:
        caller.called_off_at = time.monotonic()
        if self._waiting.leave(caller):
            self._metrics.queued(-1)
            self._metrics.cancelled("queued")

    async def _run(self) -> None:
        while not self._closed:
            await self._gather()
            if self._waiting and self._may_open():
                await self._open_next(self._take())
            for opened in list(self._open):
                await self._step(opened)
        gone = StageUnavailable("the stage is shutting down", retry_after_s=1.0)
        for caller in self._waiting.clear():
            caller.outputs.put_nowait(gone)
        for opened in list(self._open):
            self._end(opened, gone)

    def _may_open(self) -> bool:
        if not self._open:
            return True
        # One turn is kept free: a person's question does not wait for the end of a bulk answer.
        kept_free = 0 if self._waiting.waits("interactive") else 1
        worth_it = len(self._waiting) >= self._waiting.worth(self._max_batch)
        return len(self._open) < max(1, self._max_open - kept_free) and (
            worth_it or self._waiting.waited_s() >= bulk_wait_s(self._recent_batch_s)
        )

    async def _gather(self) -> None:
        """Returns at once while batches are open; else when a first batch is worth opening."""
        while not self._waiting and not self._open and not self._closed:
            await self._arrivals.change()
        if self._waiting and not self._open:
            await self._arrivals.company(
                self._waiting, self._max_batch, self._max_wait_s, self._recent_batch_s
            )

    def _take(self) -> list[_Caller[ItemT, OutputT]]:
        group = self._group_of(next(iter(self._waiting)).item)
        taken = self._waiting.take(
            self._max_batch, lambda caller: self._group_of(caller.item) == group
        )
        for _, waited_s in taken:
            self._metrics.waited(waited_s)
        self._metrics.queued(-len(taken))
        return [caller for caller, _ in taken]

    async def _open_next(self, callers: list[_Caller[ItemT, OutputT]]) -> None:
        items = [caller.item for caller in callers]
        parent = trace.set_span_in_context(trace.NonRecordingSpan(callers[0].span_context))
        span = self._tracer.start_span(
            f"{self._name}.model",
            context=parent,
            links=[Link(caller.span_context) for caller in callers],
            attributes={"earthgptx.batch_size": len(callers)},
        )
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._worker, self._open_batch, items)
        started = time.perf_counter()
        await asyncio.wait([call])
        self._metrics.ran(len(callers), time.perf_counter() - started)
        error = call.exception()
        if error is None:
            self._metrics.running(len(callers))
            self._open.append(_Open(call.result(), dict(enumerate(callers)), span, started))
            return
        span.end()
        if len(callers) == 1:
            callers[0].outputs.put_nowait(error)
            return
        # One bad request must not fail its neighbours: each is opened alone.
        for caller in callers:
            await self._open_next([caller])

    async def _step(self, opened: _Open[ItemT, OutputT]) -> None:
        called_off = [row for row, caller in opened.callers.items() if caller.called_off_at]
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._worker, _advance, opened.batch, called_off)
        started = time.perf_counter()
        await asyncio.wait([call])
        self._metrics.stepped(time.perf_counter() - started)
        for row in called_off:
            off_at = opened.callers.pop(row).called_off_at or 0.0
            self._metrics.running(-1)
            self._metrics.cancelled("running", time.monotonic() - off_at)
        error = call.exception()
        if error is not None:
            self._end(opened, error)
            return
        for output in call.result():
            caller = opened.callers.get(output.row)
            if caller is not None:
                caller.outputs.put_nowait(output)
                if output.finished is not None:
                    del opened.callers[output.row]
                    self._metrics.running(-1)
        if not opened.callers:
            self._end(opened, None)

    def _end(self, opened: _Open[ItemT, OutputT], error: BaseException | None) -> None:
        for caller in opened.callers.values():
            if error is not None:
                caller.outputs.put_nowait(error)
        self._metrics.running(-len(opened.callers))
        opened.callers.clear()
        self._recent_batch_s = time.perf_counter() - opened.since
        opened.span.end()
        self._open.remove(opened)


def _advance(batch: OpenBatch[OutputT], called_off: list[int]) -> list[OutputT]:
    for row in called_off:
        batch.drop(row)
    return [] if batch.done else batch.step()
