"""What was used last, kept within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class KeptWithin(Generic[ValueT]):
    """What was used last; what was not for longest goes first. For one thread at a time."""

    def __init__(self, limit_bytes: int) -> None:
        """Keeps at most ``limit_bytes``; what is larger than that is not kept."""
        self.limit_bytes = limit_bytes
        self.kept_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[ValueT, int]] = OrderedDict()

    def find(self, key: Hashable) -> ValueT | None:
        """What is kept under that key."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def keep(self, key: Hashable, value: ValueT, size_bytes: int) -> None:
        """Keeps ``value``, in place of what that key had, and drops what no longer fits."""
        if key in self._kept:
            self.kept_bytes -= self._kept.pop(key)[1]
        if size_bytes > self.limit_bytes:
            return
        self._kept[key] = (value, size_bytes)
        self.kept_bytes += size_bytes
        while self.kept_bytes > self.limit_bytes:
            _, (_, dropped_bytes) = self._kept.popitem(last=False)
            self.kept_bytes -= dropped_bytes
