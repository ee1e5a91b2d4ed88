"""Deletes what has expired: objects, shared-memory slabs, and what killed writers left behind.

Redis expires its own. Object stores do so by the day at best, and a directory not at all. Any
number of reapers may run at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import SuiteError
from shared.tensors.objects import ExpiryList, Objects
from shared.tensors.slab_pool import SlabPool

INTERVAL_S = 30.0
# An object is deleted only so long after its expiry: clocks differ, and a reader that was told it
# is there may be on its way.
GRACE_S = 60.0
# How often every object is looked at, so that one missing from the list is found all the same.
SWEEP_INTERVAL_S = 3600.0
# How long an expired slab is kept to be written again.
SLAB_IDLE_S = 60.0

_BATCH = 256

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reaped:
    """What one run deleted."""

    objects: int = 0
    slab_bytes: int = 0


class Reaper:
    """One round at a time; `loop` runs them until stopped."""

    def __init__(
        self,
        objects: Objects | None,
        expiries: ExpiryList | None = None,
        pool: SlabPool | None = None,
        delete_unfinished: Callable[[], None] = lambda: None,
        grace_s: float = GRACE_S,
    ) -> None:
        """Takes what to look after; without an expiry list every run looks at every object."""
        self._objects = objects
        self._expiries = expiries
        self._pool = pool
        self._delete_unfinished = delete_unfinished
        self._grace_s = grace_s
        self._swept_at_s = float("-inf")

    def run_once(self, now_s: float | None = None) -> Reaped:
        """Deletes what is due at `now_s` (Unix time in seconds; now by default).

        Raises:
            ObjectsUnavailable: The object store or the tensor Redis cannot be reached.
        """
        now_s = time.time() if now_s is None else now_s
        slab_bytes = 0
        if self._pool is not None:
            slab_bytes = self._pool.reap(int(now_s * 1000), int(SLAB_IDLE_S * 1000))
        return Reaped(self._reap_objects(now_s), slab_bytes)

    def loop(self, stop: threading.Event, interval_s: float = INTERVAL_S) -> None:
        """Runs every `interval_s` seconds until `stop` is set; a failed run is logged."""
        while not stop.wait(interval_s):
            try:
                reaped = self.run_once()
            except SuiteError as error:
                logger.warning("reaping failed: %s", error.message)
            else:
                if reaped.objects or reaped.slab_bytes:
                    logger.info(
                        "reaped %d objects, %d bytes of slabs", reaped.objects, reaped.slab_bytes
                    )

    def _reap_objects(self, now_s: float) -> int:
        if self._objects is None:
            return 0
        due_ms = int((now_s - self._grace_s) * 1000)
        deleted = 0
        if self._expiries is not None:
            while names := self._expiries.due(due_ms, _BATCH):
                deleted += _delete(self._objects, names, due_ms)
        if self._expiries is None or now_s - self._swept_at_s >= SWEEP_INTERVAL_S:
            deleted += _delete(self._objects, list(self._objects.names()), due_ms)
            self._delete_unfinished()
            self._swept_at_s = now_s
        return deleted


def _delete(objects: Objects, names: Sequence[str], due_ms: int) -> int:
    """Deletes those that are due by what they say themselves; notes the expiry of the rest."""
    return sum(objects.delete_expired(name, due_ms) is None for name in names)
