"""The byte budget of a directory of slabs, which all processes of a suite keep together.

The lock file holds how many bytes are taken. It may say too much, never too little: a slab is added
when it is made, and one that was deleted is taken off at the next count. So files are counted only
when the budget seems used up, not for every new slab: with hundreds of slabs in use a count takes
longer than the copy.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SLAB_SUFFIX = ".slab"

_LOCK_FILE = "lock"
_TAKEN = struct.Struct("<Q")


class SlabBudget:
    """Of one directory, as one process sees it."""

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        """Takes the directory and the most bytes that all slabs in it may take together."""
        self._directory = directory
        self._limit_bytes = limit_bytes

    @contextmanager
    def room_for(self, size_bytes: int, reap: Callable[[], object]) -> Iterator[bool]:
        """Whether a slab of that size may be made; if so, it must be made within the block.

        One process at a time is in such a block.

        Args:
            size_bytes: Of the whole file.
            reap: Deletes what is of no use any more; called only if there is no room without.
        """
        fd = os.open(self._directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            noted = os.pread(fd, _TAKEN.size, 0)
            taken_bytes = _TAKEN.unpack(noted)[0] if len(noted) == _TAKEN.size else None
            if taken_bytes is None or taken_bytes + size_bytes > self._limit_bytes:
                taken_bytes = self.used_bytes()
            if taken_bytes + size_bytes > self._limit_bytes:
                reap()
                taken_bytes = self.used_bytes()
            granted = taken_bytes + size_bytes <= self._limit_bytes
            os.pwrite(fd, _TAKEN.pack(taken_bytes + (size_bytes if granted else 0)), 0)
            yield granted
        finally:
            os.close(fd)

    def used_bytes(self) -> int:
        """What the slabs of all processes take, counted now."""
        return sum(size_bytes for _, size_bytes in slab_files(self._directory))


def slab_files(directory: Path) -> Iterator[tuple[str, int]]:
    """Path and size in bytes of every slab."""
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(SLAB_SUFFIX):
                with suppress(FileNotFoundError):
                    yield entry.path, entry.stat().st_size
