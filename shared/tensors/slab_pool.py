"""Pooled shared memory: files in a directory on tmpfs, mapped, written again once expired.

A slab is a 4 KiB header page and room for one tensor. A fresh one costs a page fault for every
4 KiB written, several times the copy itself, so slabs are kept and used again.

Two advisory locks (flock) order everything, and the kernel drops them when a process dies:

- A reader holds a slab's shared lock for as long as its mapping lives. A slab that is read is
  never written; that a read view is torn later is impossible, not just detected.
- Whoever writes or deletes a slab holds the exclusive lock, and only takes it once the tensor in
  the slab has expired. `generation` counts the tensors a slab has held and is odd during a write;
  a ref names the generation it is of, so a ref to what was there before finds out.

Nothing is known of owners or process ids: expired and unlocked means free, whoever wrote it, so
what a killed writer leaves behind goes the same way as everything else (`reap`).
"""

from __future__ import annotations

import fcntl
import heapq
import mmap
import os
import secrets
import struct
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shared.tensors.slab_budget import SLAB_SUFFIX, SlabBudget, slab_files

PAGE_BYTES = 4096

_MAGIC = b"EGXSLAB1"
_HEADER = struct.Struct("<8sQqQ")  # magic, generation, expires_at_ms, size_bytes
_SMALLEST_BYTES = 256 * 1024
_RETRY_PINNED_MS = 1_000


class PoolFull(Exception):
    """No slab is free and no more may be made."""


class SlabGone(Exception):
    """The slab, or the generation asked for, is not there any more."""


@dataclass(frozen=True)
class SlabHeader:
    """What a slab's first bytes say."""

    generation: int
    expires_at_ms: int
    size_bytes: int


@dataclass(frozen=True)
class Written:
    """A tensor in a slab: `name` and `generation` find it again."""

    name: str
    generation: int
    expires_at_ms: int


class _Slab:
    """A slab this process has made and keeps mapped."""

    def __init__(self, name: str, mapped: mmap.mmap) -> None:
        self.name = name
        self.map = mapped
        self.capacity_bytes = len(mapped) - PAGE_BYTES
        self.expires_at_ms = 0


class SlabPool:
    """The slabs of one directory, as one process sees them; safe to use from many threads."""

    def __init__(self, directory: Path, limit_bytes: int, max_slabs: int) -> None:
        """Takes a directory of our own (mode 0700).

        Args:
            directory: Where the slabs of every process of the suite on this host lie.
            limit_bytes: Most bytes all of them together may take.
            max_slabs: Most slabs this process may keep; each holds a file descriptor.
        """
        self._directory = directory
        self._budget = SlabBudget(directory, limit_bytes)
        self._max_slabs = max_slabs
        self._mutex = threading.Lock()
        self._in_use: list[tuple[int, str, _Slab]] = []  # heap by expiry
        self._free: dict[int, list[_Slab]] = {}  # by capacity
        self._slab_count = 0

    def write(self, data: memoryview, expires_at_ms: int, now_ms: int) -> Written:
        """Copies `data` into a slab of its own.

        Raises:
            PoolFull: The budget, the file system or this process's number of slabs is used up.
        """
        slab, lock_fd, generation = self._acquire(max(len(data), 1), now_ms)
        try:
            # Expired while it is written: what a writer killed here leaves behind is free at once.
            _put_header(slab.map, SlabHeader(generation + 1, 0, 0))
            with memoryview(slab.map) as room:
                room[PAGE_BYTES : PAGE_BYTES + len(data)] = data
            _put_header(slab.map, SlabHeader(generation + 2, expires_at_ms, len(data)))
            slab.expires_at_ms = expires_at_ms
        finally:
            # Unlocked by word: of a fresh slab the mapping holds a duplicate of this descriptor.
            fcntl.flock(lock_fd, fcntl.LOCK_UN)
            os.close(lock_fd)
            with self._mutex:
                self._track(slab)
        return Written(slab.name, generation + 2, expires_at_ms)

    def prolong(self, name: str, generation: int, expires_at_ms: int) -> bool:
        """Lets a tensor live until `expires_at_ms` at least; False if it is there no more."""
        try:
            with open_pinned(self._directory / name, os.O_RDWR) as fd:
                header = read_header(fd)
                if header is None or header.generation != generation:
                    return False
                if header.expires_at_ms < expires_at_ms:
                    prolonged = SlabHeader(generation, expires_at_ms, header.size_bytes)
                    os.pwrite(fd, _pack(prolonged), 0)
        except SlabGone:
            return False
        return True

    def reap(self, now_ms: int, idle_ms: int) -> int:
        """Deletes slabs of any process that expired `idle_ms` ago or more; returns their bytes."""
        freed_bytes = reap_directory(self._directory, now_ms - idle_ms)
        with self._mutex:
            self._collect_expired(now_ms)
            for capacity, slabs in list(self._free.items()):
                self._free[capacity] = [slab for slab in slabs if not self._let_go(slab)]
        return freed_bytes

    def used_bytes(self) -> int:
        """What the slabs of all processes take."""
        return self._budget.used_bytes()

    def close(self) -> None:
        """Unmaps everything; what has not expired stays for its readers."""
        with self._mutex:
            slabs = [slab for _, _, slab in self._in_use]
            slabs += [slab for free in self._free.values() for slab in free]
            self._in_use, self._free, self._slab_count = [], {}, 0
        for slab in slabs:
            slab.map.close()

    def _acquire(self, size_bytes: int, now_ms: int) -> tuple[_Slab, int, int]:
        """A slab with room, the descriptor that holds its exclusive lock, its generation."""
        with self._mutex:
            self._collect_expired(now_ms)
            for slab in self._free_with_room(size_bytes):
                self._free[slab.capacity_bytes].remove(slab)
                fd, header = self._lock_expired(slab, now_ms)
                if fd is not None and header is not None:
                    return slab, fd, header.generation + header.generation % 2
            if self._slab_count >= self._max_slabs and not self._drop_one_free():
                raise PoolFull("this process keeps as many slabs as it may")
            self._slab_count += 1
        try:
            slab, fd = self._create(capacity_for(size_bytes), now_ms)
        except BaseException:
            with self._mutex:
                self._slab_count -= 1
            raise
        return slab, fd, 0

    def _collect_expired(self, now_ms: int) -> None:
        while self._in_use and self._in_use[0][0] <= now_ms:
            slab = heapq.heappop(self._in_use)[2]
            self._free.setdefault(slab.capacity_bytes, []).append(slab)

    def _free_with_room(self, size_bytes: int) -> list[_Slab]:
        # Twice the size at most: a small tensor must not sit in a large slab.
        capacities = sorted(capacity for capacity, slabs in self._free.items() if slabs)
        fitting = capacities[bisect_left(capacities, size_bytes) :]
        limit_bytes = 2 * max(size_bytes, _SMALLEST_BYTES)
        return [s for c in fitting if c <= limit_bytes for s in reversed(self._free[c])]

    def _lock_expired(self, slab: _Slab, now_ms: int) -> tuple[int | None, SlabHeader | None]:
        """Locks a slab for writing, or sorts it where it belongs and returns None."""
        try:
            fd = _lock_exclusively(self._directory / slab.name)
        except SlabGone:
            self._forget(slab)
            return None, None
        if fd is None:  # someone still reads it
            slab.expires_at_ms = now_ms + _RETRY_PINNED_MS
            self._track(slab)
            return None, None
        header = read_header(fd) or SlabHeader(0, 0, 0)
        if header.expires_at_ms > now_ms:  # its tensor was given a longer life
            os.close(fd)
            slab.expires_at_ms = header.expires_at_ms
            self._track(slab)
            return None, None
        return fd, header

    def _create(self, capacity_bytes: int, now_ms: int) -> tuple[_Slab, int]:
        size_bytes = PAGE_BYTES + capacity_bytes
        with self._budget.room_for(
            size_bytes, lambda: reap_directory(self._directory, now_ms)
        ) as granted:
            if not granted:
                raise PoolFull("the byte budget of shared memory is used up")
            name = secrets.token_hex(16) + SLAB_SUFFIX
            path = self._directory / name
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                # Reserves the pages: a full tmpfs says so here, not by SIGBUS during the copy.
                os.posix_fallocate(fd, 0, size_bytes)
                return _Slab(name, mmap.mmap(fd, size_bytes)), fd
            except OSError as error:
                path.unlink()
                os.close(fd)
                raise PoolFull("the shared-memory file system is full") from error

    def _track(self, slab: _Slab) -> None:
        heapq.heappush(self._in_use, (slab.expires_at_ms, slab.name, slab))

    def _forget(self, slab: _Slab) -> None:
        slab.map.close()
        self._slab_count -= 1

    def _let_go(self, slab: _Slab) -> bool:
        """Unmaps a slab whose file was deleted."""
        if (self._directory / slab.name).exists():
            return False
        self._forget(slab)
        return True

    def _drop_one_free(self) -> bool:
        for slabs in self._free.values():
            while slabs:
                slab = slabs.pop()
                with suppress(SlabGone):
                    fd = _lock_exclusively(self._directory / slab.name)
                    if fd is not None:
                        _delete(self._directory / slab.name, fd)
                self._forget(slab)
                return True
        return False


def capacity_for(size_bytes: int) -> int:
    """Room for `size_bytes`: rounded up to an eighth of the next power of two, in whole pages."""
    size_bytes = max(size_bytes, _SMALLEST_BYTES)
    step = max(PAGE_BYTES, (1 << (size_bytes - 1).bit_length()) // 8)
    return -(-size_bytes // step) * step


@contextmanager
def open_pinned(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor of a slab that nobody writes or deletes meanwhile.

    A mapping made of it keeps the lock, and with it the slab, until the mapping itself goes:
    `mmap` duplicates the descriptor, and a lock lasts until the last duplicate is closed.

    Raises:
        SlabGone: It is deleted, or being written anew.
    """
    try:
        fd = os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SlabGone from None
    try:
        pin(fd)
        yield fd
    finally:
        os.close(fd)


def pin(fd: int) -> int:
    """Takes the shared lock of an open slab; returns the size of its file in bytes.

    Raises:
        SlabGone: It is deleted, or being written anew.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SlabGone from None
    found = os.fstat(fd)
    if found.st_nlink == 0:
        raise SlabGone
    return found.st_size


def read_header(fd: int) -> SlabHeader | None:
    """The header of an open slab; None if it never got one."""
    data = os.pread(fd, _HEADER.size, 0)
    if len(data) < _HEADER.size:
        return None
    magic, generation, expires_at_ms, size_bytes = _HEADER.unpack(data)
    return SlabHeader(generation, expires_at_ms, size_bytes) if magic == _MAGIC else None


def reap_directory(directory: Path, expired_before_ms: int) -> int:
    """Deletes every slab that expired by then and that nobody uses; returns the bytes freed."""
    freed_bytes = 0
    for path, size_bytes in list(slab_files(directory)):
        # A look without the lock first: the lock would turn readers of a living tensor away.
        if _expires_at_ms(path) > expired_before_ms:
            continue
        with suppress(SlabGone):
            fd = _lock_exclusively(path)
            if fd is None:
                continue
            header = read_header(fd)
            if header is None or header.expires_at_ms <= expired_before_ms:
                _delete(path, fd)
                freed_bytes += size_bytes
            else:
                os.close(fd)
    return freed_bytes


def _pack(header: SlabHeader) -> bytes:
    return _HEADER.pack(_MAGIC, header.generation, header.expires_at_ms, header.size_bytes)


def _put_header(mapped: mmap.mmap, header: SlabHeader) -> None:
    mapped[: _HEADER.size] = _pack(header)


def _lock_exclusively(path: str | Path) -> int | None:
    """A descriptor that holds the slab's exclusive lock; None while somebody else uses it.

    Raises:
        SlabGone: It is deleted.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SlabGone from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    if os.fstat(fd).st_nlink == 0:
        os.close(fd)
        raise SlabGone
    return fd


def _delete(path: str | Path, fd: int) -> None:
    """Deletes a locked slab and closes it; its memory is given back even while it is mapped."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    os.ftruncate(fd, 0)
    os.close(fd)


def _expires_at_ms(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        header = read_header(fd)
    finally:
        os.close(fd)
    return header.expires_at_ms if header else 0
