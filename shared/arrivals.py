"""Who arrives at a model's queue, and who is known to be on the way.

A stage takes a request in, makes it ready (decodes, draws, fetches) and only then queues it. An
incomplete batch waits for those on their way and for nobody else, so a lone caller never waits for
company that is not to come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sized
from contextlib import contextmanager


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

    async def company(self, waiting: Sized, enough: int, until_s: float) -> None:
        """Waits for those on their way to join the ones in `waiting`.

        Returns when `enough` wait, or none, when nobody is on the way, or at `until_s` on the clock
        of `time.monotonic`.
        """
        while self._coming and 0 < len(waiting) < enough:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return
            try:
                async with asyncio.timeout(left_s):
                    await self.change()
            except TimeoutError:
                return
