"""Files of large scenes on the local disk, where GDAL reads them: fetched once, the last used kept.

Any number of processes may share the folder. A file in use is locked (shared) and never deleted; a
fetch holds a lock of its own, so that a scene is fetched once however many ask for it. flock(2).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from earthgptx.imagery.errors import ImageryError
from earthgptx.scenes.spool import spool
from shared.errors import InvalidInput, QueueFull, StageUnavailable, refused_as_invalid_input
from shared.tensors.digest import SHA256

RETRY_AFTER_S = 5.0
_NAME = re.compile("[0-9a-f]{64}")


class SceneSpool:
    """A folder of scenes, each named by the SHA-256 of its bytes."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Takes a folder, made when it is needed.

        Args:
            folder: The suite's own.
            limit_bytes: Most bytes of all files; two processes that fetch at the same moment may
                pass it by one scene.
        """
        self._folder = folder
        self._limit_bytes = limit_bytes

    @contextmanager
    def file(
        self, image_id: str, size_bytes: int, fetch: Callable[[], Iterable[bytes]]
    ) -> Iterator[Path]:
        """The scene's file, which stays for as long as the block runs. Blocks while it is fetched.

        Args:
            image_id: "sha256:<hex>".
            size_bytes: Of the file.
            fetch: Gives its bytes; called only if it is not there.

        Raises:
            InvalidInput: What came is not the scene, or it is larger than the folder may be.
            QueueFull: The other scenes are all in use.
            StageUnavailable: The disk fails, or the store does.
        """
        path = self._folder / image_id.removeprefix(f"{SHA256}:")
        while (held := _hold(path)) is None:
            try:
                self._fetch(path, size_bytes, fetch)
            except OSError as error:
                what = error.strerror or "an error of the disk"
                raise StageUnavailable(f"the scene cannot be kept here: {what}") from error
        try:
            os.utime(held)
            yield path
        finally:
            os.close(held)

    def _fetch(self, path: Path, size_bytes: int, fetch: Callable[[], Iterable[bytes]]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A few locks for all scenes, so that none need ever be deleted.
        lock = os.open(self._folder / f"lock-{path.name[0]}", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return
            # Whoever wrote there is dead, for it held this lock.
            for left in self._folder.glob(f".{path.name[0]}*"):
                shutil.rmtree(left)
            self._make_room(size_bytes)
            with refused_as_invalid_input(ImageryError):
                spool(
                    fetch(),
                    path,
                    limit_bytes=size_bytes,
                    size_bytes=size_bytes,
                    sha256=path.name,
                )
        finally:
            os.close(lock)

    def _make_room(self, size_bytes: int) -> None:
        """Deletes scenes, the longest unused first."""
        if size_bytes > self._limit_bytes:
            raise InvalidInput(
                f"the scene has {size_bytes} bytes", field="scene", limit=f"{self._limit_bytes}"
            )
        there = []
        for found in self._folder.iterdir():
            # Another process may delete it at this moment.
            with suppress(FileNotFoundError):
                if _NAME.fullmatch(found.name):
                    status = found.stat()
                    there.append((status.st_mtime_ns, status.st_size, found))
        used_bytes = sum(size for _, size, _ in there)
        for _, size, found in sorted(there):
            if used_bytes + size_bytes <= self._limit_bytes:
                return
            used_bytes -= size if _delete_unused(found) else 0
        if used_bytes + size_bytes > self._limit_bytes:
            raise QueueFull(
                "all large scenes here are in use",
                limit=f"{self._limit_bytes} bytes of scenes",
                retry_after_s=RETRY_AFTER_S,
            )


def _hold(path: Path) -> int | None:
    """The file, open and locked against deletion; None if it is not there."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(held, fcntl.LOCK_SH)
    # It may have been deleted between the two.
    if os.fstat(held).st_nlink:
        return held
    os.close(held)
    return None


def _delete_unused(path: Path) -> bool:
    """Whether it is gone: one in use stays."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True
