"""An object store some of whose reads and writes take long."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.tensors.directory_objects import DirectoryObjects

DELAYED = "the object store was late by"
_log = logging.getLogger(__name__)


class SlowDirectory(DirectoryObjects):
    """A directory of objects; `pauses_s` are the pauses there were, each told to the log as well.

    A write is late after it is done, as one whose answer is late.
    """

    def __init__(self, root: Path, pause_s: Callable[[], float]) -> None:
        super().__init__(root)
        self._pause_s = pause_s
        self.pauses_s: list[float] = []

    def write(self, name: str, parts: Sequence[memoryview], expires_at_ms: int) -> None:
        super().write(name, parts, expires_at_ms)
        self._pause(name)

    def read(self, name: str, limit_bytes: int) -> memoryview:
        self._pause(name)
        return super().read(name, limit_bytes)

    def read_range(self, name: str, start: int, size_bytes: int) -> memoryview:
        self._pause(name)
        return super().read_range(name, start, size_bytes)

    def _pause(self, name: str) -> None:
        pause_s = self._pause_s()
        if pause_s > 0:
            self.pauses_s.append(pause_s)
            time.sleep(pause_s)
            _log.warning("%s %.2f s: %s", DELAYED, pause_s, name.partition("/")[0])


def now_and_then(share: float, longest_s: float) -> Callable[[], float]:
    """A pause of up to `longest_s` in a share of all cases, else none."""
    return lambda: random.uniform(0, longest_s) if random.random() < share else 0.0
