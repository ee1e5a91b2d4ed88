"""Who arrives at a model's queue, and who is known to be on the way.

A stage takes a request in, makes it ready (decodes, draws, fetches) and only then queues it. An
incomplete batch waits for those on their way and for nobody else, so a lone caller never waits for
company that is not to come. Only bulk work waits longer, for those who are in other stages yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.waiting_line import WaitingLine

# Nobody waits longer for company that has yet to come from other stages, nor for longer than so
# many batches take: a share that never comes (other replicas have it) is to cost little.
BULK_WAIT_S = 0.3
BULK_WAIT_BATCHES = 3


class Arrivals:
    """Used on one event loop."""

    def __init__(self) -> None:
        """Nobody is on the way."""
        self._coming = 0
        self._arrived = asyncio.Event()

    @contextmanager
    def announced(self) -> Iterator[None]:
        """One more is on the way, for the time of the block."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1
            self.note()

    def note(self) -> None:
        """Something changed: whoever waits looks again."""
        self._arrived.set()

    async def change(self) -> None:
        """Returns at the next `note`."""
        self._arrived.clear()
        await self._arrived.wait()

    async def company(
        self, waiting: WaitingLine[Any], enough: int, max_wait_s: float, recent_batch_s: float
    ) -> None:
        """Waits for those on their way to join the ones in `waiting`.

        Returns when `enough` wait, or none; when nobody is on the way and as many wait as are worth
        a batch; or when the first has waited long enough: `max_wait_s`, or as long as bulk work may
        where a batch takes `recent_batch_s`.
        """
        while 0 < len(waiting) < enough:
            may_wait_s = max_wait_s if self._coming else 0.0
            if len(waiting) < waiting.worth(enough):
                may_wait_s = max(may_wait_s, bulk_wait_s(recent_batch_s))
            left_s = may_wait_s - waiting.waited_s()
            if left_s <= 0:
                return
            try:
                async with asyncio.timeout(left_s):
                    await self.change()
            except TimeoutError:
                return


def bulk_wait_s(recent_batch_s: float) -> float:
    """How long bulk work waits for its share, where a batch takes `recent_batch_s`."""
    return min(BULK_WAIT_S, BULK_WAIT_BATCHES * recent_batch_s)
