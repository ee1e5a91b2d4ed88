"""Images as they are shown, kept for a while: a scene is looked at tile by tile.

Decoding a file costs more than what the model does with one tile of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from earthgptx.imagery.display import Display
from earthgptx.kept_within import KeptWithin


class ShownImages:
    """What was shown last, within a budget of bytes; for any number of threads."""

    def __init__(self, limit_bytes: int) -> None:
        """Keeps pixels of at most ``limit_bytes``; an image larger than that is not kept."""
        self._kept: KeptWithin[Display] = KeptWithin(limit_bytes)
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
                with self._mutex:
                    found = self._kept.find(key)
                if found is None:
                    found = make()
                    with self._mutex:
                        self._kept.keep(key, found, found.size_bytes)
                return found
            finally:
                with self._mutex:
                    self._making.pop(key, None)
