"""Equal work that is asked for at the same time is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import copy_context
from typing import Generic, TypeVar

from shared import rpc_context

ResultT = TypeVar("ResultT")


class SingleFlight(Generic[ResultT]):
    """Joins callers who ask for the same thing while it is being made.

    The work belongs to no caller: it has no deadline of its own and ends early only when the last
    caller has gone.
    """

    def __init__(self) -> None:
        """No work is under way."""
        self._flights: dict[Hashable, tuple[asyncio.Task[ResultT], list[None]]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """The result of the work under way for `key`, else of `work`."""
        if key not in self._flights:
            context = copy_context()
            call = (None, rpc_context.caller(), rpc_context.priority())
            context.run(rpc_context.set_call, *call)
            task = asyncio.create_task(self._fly(key, work), context=context)
            self._flights[key] = (task, [])
        task, callers = self._flights[key]
        callers.append(None)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if len(callers) == 1:
                task.cancel()
                await asyncio.wait([task])
            raise
        finally:
            callers.pop()

    async def _fly(self, key: Hashable, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        try:
            return await work()
        finally:
            del self._flights[key]
