"""How many requests a stage takes in; beyond it the answer is `QueueFull` at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import QueueFull
from shared.stage_metrics import StageMetrics

RETRY_AFTER_S = 0.5


class Admission:
    """Counts the requests inside a stage, whatever they wait for."""

    def __init__(self, limit: int, metrics: StageMetrics) -> None:
        """Lets at most `limit` requests in."""
        self._limit = limit
        self._metrics = metrics
        self._inside = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """A place inside, for the time of the block.

        Raises:
            QueueFull: There is none.
        """
        if self._inside >= self._limit:
            self._metrics.rejected()
            raise QueueFull(
                f"{self._limit} requests are in work already",
                limit=f"{self._limit} requests",
                retry_after_s=RETRY_AFTER_S,
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
