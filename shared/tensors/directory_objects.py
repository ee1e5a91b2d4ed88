"""Objects as files in a directory: the embedded default, and the store of a single machine.

A file's modification time is the moment it expires (the epoch itself: never), so data and expiry
change in one rename and a listing shows what is due.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from shared.tensors.objects import ObjectMissing, ObjectsFull, ObjectStat, ObjectsUnavailable

_NAME = re.compile(r"[a-z0-9_-][a-z0-9_.-]*(/[a-z0-9_-][a-z0-9_.-]*)*")
_UNFINISHED = ".unfinished"
_UNFINISHED_LIFE_S = 3600.0
_COPY_BYTES = 8 * 1024 * 1024
# How long a count of the bytes in use is believed; other processes write too.
_COUNT_LIFE_S = 5.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class DirectoryObjects:
    """One file an object, written aside and renamed into place."""

    reads_are_cheap = True

    def __init__(
        self, root: Path, limit_bytes: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        """Opens (or makes) the directory.

        Args:
            root: Where the files lie; private to the suite.
            limit_bytes: Most bytes all objects may take together; 0 for no budget.
            clock: Unix time in seconds.

        Raises:
            ObjectsUnavailable: It cannot be made or written.
        """
        self._root = root
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._mutex = threading.Lock()
        self._used_bytes = 0
        self._counted_at_s = float("-inf")
        try:
            (root / _UNFINISHED).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ObjectsUnavailable("the object directory cannot be made") from error
        if not os.access(root / _UNFINISHED, os.W_OK):
            raise ObjectsUnavailable("the object directory cannot be written")

    def write(self, name: str, parts: Sequence[memoryview], expires_at_ms: int) -> None:
        """Writes aside, syncs what never expires or lives long, renames."""
        self._write(name, parts, sum(len(part) for part in parts), expires_at_ms)

    def write_file(self, name: str, path: Path, expires_at_ms: int) -> None:
        """See `Objects`."""
        with path.open("rb") as file:
            parts = (memoryview(chunk) for chunk in iter(lambda: file.read(_COPY_BYTES), b""))
            self._write(name, parts, path.stat().st_size, expires_at_ms)

    def _write(
        self, name: str, parts: Iterable[memoryview], size_bytes: int, expires_at_ms: int
    ) -> None:
        path = self._path(name)
        self._make_room(size_bytes)
        unfinished = self._root / _UNFINISHED / secrets.token_hex(16)
        try:
            self._write_file(unfinished, parts, expires_at_ms)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished.rename(path)
            _sync_directory(path.parent)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            if error.errno in _NO_ROOM:
                raise ObjectsFull("the object store is full", retry_after_s=5.0) from error
            raise ObjectsUnavailable("the object store cannot be written") from error

    def read(self, name: str, limit_bytes: int) -> memoryview:
        """See `Objects`."""
        try:
            with self._path(name).open("rb", buffering=0) as file:
                data = bytearray(min(os.fstat(file.fileno()).st_size, limit_bytes + 1))
                filled = 0
                while filled < len(data):
                    count = file.readinto(memoryview(data)[filled:])
                    if not count:
                        break
                    filled += count
        except FileNotFoundError:
            raise ObjectMissing(name) from None
        except OSError as error:
            raise ObjectsUnavailable("the object store cannot be read") from error
        return memoryview(data)[:filled]

    def read_range(self, name: str, start: int, size_bytes: int) -> memoryview:
        """See `Objects`."""
        try:
            with self._path(name).open("rb") as file:
                file.seek(start)
                data = file.read(size_bytes)
        except FileNotFoundError:
            raise ObjectMissing(name) from None
        except OSError as error:
            raise ObjectsUnavailable("the object store cannot be read") from error
        if not data:
            raise ObjectMissing(name)
        return memoryview(data)

    def url_to_write(self, name: str, life_s: float) -> str:
        """See `Objects`; a directory has none."""
        return ""

    def stat(self, name: str) -> ObjectStat | None:
        """See `Objects`."""
        return _stat(self._path(name))

    def prolong(self, name: str, expires_at_ms: int) -> None:
        """See `Objects`."""
        try:
            os.utime(self._path(name), ns=(0, expires_at_ms * 1_000_000))
        except FileNotFoundError:
            raise ObjectMissing(name) from None

    def delete(self, name: str) -> bool:
        """See `Objects`."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def delete_expired(self, name: str, expired_before_ms: int) -> ObjectStat | None:
        """See `Objects`; takes the file aside first, so that one renamed over it meanwhile stays.

        Where a writer was quicker than the look, the file taken aside is a living one and is put
        back.
        """
        path = self._path(name)
        found = _stat(path)
        if found is None or not _is_due(found, expired_before_ms):
            return found
        aside = self._root / _UNFINISHED / secrets.token_hex(16)
        with suppress(FileNotFoundError):
            path.rename(aside)
            taken = _stat(aside)
            if taken is not None and not _is_due(taken, expired_before_ms):
                aside.rename(path)
                return taken
            aside.unlink()
        return _stat(path)

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `Objects`."""
        for folder, folders, files in os.walk(self._root / prefix.rpartition("/")[0]):
            if Path(folder) == self._root:
                folders.remove(_UNFINISHED)
            for file in files:
                name = str((Path(folder) / file).relative_to(self._root))
                if name.startswith(prefix):
                    yield name

    def delete_unfinished(self) -> None:
        """Deletes what killed writers left aside an hour ago or more.

        Judged by the change time of the inode: the modification time is the expiry to come.
        """
        for file in (self._root / _UNFINISHED).iterdir():
            with suppress(FileNotFoundError):
                if self._clock() - file.stat().st_ctime > _UNFINISHED_LIFE_S:
                    file.unlink()

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ObjectMissing(name)
        return self._root / name

    def _write_file(self, path: Path, parts: Iterable[memoryview], expires_at_ms: int) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb", buffering=0) as file:
            for part in parts:
                written = 0
                while written < len(part):
                    written += file.write(part[written:])
            os.utime(fd, ns=(0, expires_at_ms * 1_000_000))
            os.fsync(fd)

    def _make_room(self, size_bytes: int) -> None:
        """Keeps the byte budget: what has expired goes first, then writers are refused."""
        if not self._limit_bytes:
            return
        with self._mutex:
            if self._clock() - self._counted_at_s > _COUNT_LIFE_S:
                self._count()
            if self._used_bytes + size_bytes > self._limit_bytes:
                for name in self.names():
                    self.delete_expired(name, int(self._clock() * 1000))
                self._count()
            if self._used_bytes + size_bytes > self._limit_bytes:
                raise ObjectsFull(
                    "the object store is full",
                    limit=f"{self._limit_bytes} bytes",
                    retry_after_s=5.0,
                )
            self._used_bytes += size_bytes

    def _count(self) -> None:
        stats = (_stat(self._root / name) for name in self.names())
        self._used_bytes = sum(stat.size_bytes for stat in stats if stat)
        self._counted_at_s = self._clock()


def _stat(path: Path) -> ObjectStat | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return ObjectStat(found.st_size, found.st_mtime_ns // 1_000_000)


def _is_due(stat: ObjectStat, expired_before_ms: int) -> bool:
    return 0 < stat.expires_at_ms <= expired_before_ms


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
