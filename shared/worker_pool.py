"""Blocking work off the event loop, in few threads.

A thread cannot be cancelled: work whose caller has gone keeps its thread until it ends, so the
number of threads, not of callers, bounds what runs. Work that has not begun is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

ArgsT = ParamSpec("ArgsT")
ResultT = TypeVar("ResultT")


class WorkerPool:
    """Threads for decoding and drawing, and for reading and writing stores."""

    def __init__(self, name: str, threads: int) -> None:
        """Starts up to `threads` threads as they are needed."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"{name}-work")

    async def run(
        self, work: Callable[ArgsT, ResultT], *args: ArgsT.args, **kwargs: ArgsT.kwargs
    ) -> ResultT:
        """The result of `work(*args, **kwargs)`, made in a thread with the caller's context."""
        context = copy_context()
        call = self._threads.submit(lambda: context.run(work, *args, **kwargs))
        return await asyncio.wrap_future(call)

    async def close(self) -> None:
        """Drops what waits, lets what runs end."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
