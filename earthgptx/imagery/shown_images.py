"""Images as they are shown, kept for a while: a scene is looked at tile by tile.

Decoding a file costs more than what the model does with one tile of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from earthgptx.imagery.display import Display


class ShownImages:
    """What was shown last, within a budget of bytes; for any number of threads."""

    def __init__(self, limit_bytes: int) -> None:
        """Keeps pixels of at most ``limit_bytes``; an image larger than that is not kept."""
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[Hashable, Display] = OrderedDict()
        self._kept_bytes = 0
        self._mutex = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def show(self, key: Hashable, make: Callable[[], Display]) -> Display:
        """The image of that key; made by one thread while the others that want it wait.

        Args:
            key: names file, owner and everything else that ``make`` goes by.
            make: what it raises is passed on, and nothing is kept.
        """
        with self._mutex:
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            try:
                found = self._find(key)
                if found is None:
                    found = make()
                    self._keep(key, found)
                return found
            finally:
                with self._mutex:
                    self._making.pop(key, None)

    def _find(self, key: Hashable) -> Display | None:
        with self._mutex:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Hashable, display: Display) -> None:
        with self._mutex:
            size_bytes = display.pixels_HWC.nbytes
            if size_bytes > self._limit_bytes:
                return
            self._kept[key] = display
            self._kept_bytes += size_bytes
            while self._kept_bytes > self._limit_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= dropped.pixels_HWC.nbytes
