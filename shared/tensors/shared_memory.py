"""The tier in shared memory: one copy into a slab, readers map it where it lies."""

from __future__ import annotations

import logging
import os
import re
import resource
import secrets
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shared.errors import TensorGone
from shared.security import derive_key
from shared.settings import Secret
from shared.tensors.digest import XXH3, digest_of
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import SHARED_MEMORY, TensorRef
from shared.tensors.slab_mappings import SlabMapping, SlabMappings
from shared.tensors.slab_pool import (
    PAGE_BYTES,
    PoolFull,
    SlabGone,
    SlabPool,
    Written,
    reap_directory,
)
from shared.tensors.tier import Placed, TierUnable, content_key

DEFAULT_PARENT = Path("/dev/shm")

_DIRECTORY_PREFIX = "earthgptx-"
_KEY = re.compile(r"([0-9a-f]{32}\.slab)/([0-9]{1,19})")
_HOST_FILE = "host"
# A folder of a suite that is gone is removed when it has been empty for this long.
_ABANDONED_S = 3600.0
_MOST_SLABS = 4096

logger = logging.getLogger(__name__)


class SharedMemoryTier:
    """Slabs that the processes of one suite on one host share."""

    name = SHARED_MEMORY

    def __init__(
        self, directory: Path, limit_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        """Opens (or makes) the directory.

        Args:
            directory: Shared by all processes of the suite on this host, and by nobody else.
            limit_bytes: Most bytes all slabs in it may take together.
            clock: Unix time in seconds.

        Raises:
            TierUnable: It cannot be made or written, or it is someone else's.
        """
        self._directory = directory
        self._clock = clock
        try:
            _make_private(directory)
            self.host = _host_of(directory)
        except OSError as error:
            raise TierUnable(f"no shared memory: {error.strerror}") from error
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.pool = SlabPool(directory, limit_bytes, min(_MOST_SLABS, max(1, descriptors // 4)))
        self._mappings = SlabMappings(directory, max(1, descriptors // 16))
        self._mutex = threading.Lock()
        self._written: dict[tuple[str, str], Written] = {}  # by tenant and content

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        """Copies the elements into a slab, unless this process has them in one already."""
        digest = digest_of(tensor.data, XXH3)
        content = (tenant, content_key(tensor, digest))
        with self._mutex:
            known = self._living(content, expires_at_ms)
        if known is None:
            now_ms = self._now_ms()
            try:
                written = self.pool.write(tensor.data, expires_at_ms, now_ms)
            except PoolFull as error:
                raise TierUnable(str(error), full=True) from error
            except OSError as error:
                raise TierUnable(f"no shared memory: {error.strerror}") from error
            with self._mutex:
                # Another thread may have put the same: its slab stays the one that is named, and
                # ours waits out its expiry.
                known = self._living(content, expires_at_ms)
                if known is None:
                    known = self._written[content] = written
                    self._forget_expired(now_ms)
        return Placed(f"{known.name}/{known.generation}", digest, host=self.host)

    def get(self, ref: TensorRef) -> memoryview:
        """The elements where they lie; the slab is pinned until the last view of them goes.

        The mapping is private: whoever writes into it changes a copy of the page, never the slab.
        """
        match = _KEY.fullmatch(ref.key)
        if ref.host != self.host or match is None:
            raise TensorGone("the tensor lies in the memory of another host")
        name, generation = match.groups()
        try:
            mapping = self._mappings.pinned(name)
        except SlabGone:
            raise TensorGone("the tensor is no longer kept") from None
        if not _holds(mapping, ref, int(generation)):
            self._mappings.give_back(mapping)
            raise TensorGone("the tensor is no longer kept")
        return self._mappings.lend(mapping, ref.size_bytes)

    def close(self) -> None:
        """Unmaps this process's slabs; what has not expired stays for its readers."""
        with self._mutex:
            self._written.clear()
        self._mappings.close()
        self.pool.close()

    def _living(self, content: tuple[str, str], expires_at_ms: int) -> Written | None:
        known = self._written.get(content)
        if known is None or known.expires_at_ms <= self._now_ms():
            return None
        if not self.pool.prolong(known.name, known.generation, expires_at_ms):
            return None
        latest_ms = max(known.expires_at_ms, expires_at_ms)
        self._written[content] = Written(known.name, known.generation, latest_ms)
        return self._written[content]

    def _forget_expired(self, now_ms: int) -> None:
        # Now and then, not each time: the table is never longer than twice the living.
        if len(self._written) >= 64 and len(self._written) & (len(self._written) - 1) == 0:
            self._written = {
                content: written
                for content, written in self._written.items()
                if written.expires_at_ms > now_ms
            }

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _holds(mapping: SlabMapping, ref: TensorRef, generation: int) -> bool:
    header = mapping.header()
    return (
        header is not None
        and header.generation == generation
        and header.size_bytes == ref.size_bytes
        and mapping.size_bytes >= PAGE_BYTES + ref.size_bytes
    )


def directory_for(suite_key: Secret, parent: Path = DEFAULT_PARENT) -> Path:
    """The directory all processes of a suite agree on and nobody without its key can guess."""
    return parent / (_DIRECTORY_PREFIX + derive_key(suite_key, "shared-memory").hex()[:32])


def reap_abandoned(parent: Path, own: Path, now_s: float) -> int:
    """Deletes what suites of this user that run no more left under `parent`; returns bytes."""
    freed_bytes = 0
    for directory in parent.glob(_DIRECTORY_PREFIX + "*"):
        with suppress(OSError):
            if directory == own or directory.stat().st_uid != os.geteuid():
                continue
            freed_bytes += reap_directory(directory, int(now_s * 1000))
            if now_s - directory.stat().st_mtime > _ABANDONED_S and not any(
                directory.glob("*.slab")
            ):
                for file in directory.iterdir():
                    file.unlink()
                directory.rmdir()
    return freed_bytes


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=False, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(1, "the directory is not this user's alone")
    if not os.access(directory, os.W_OK):
        raise PermissionError(1, "the directory cannot be written")


def _host_of(directory: Path) -> str:
    """A name that exactly the processes sharing this memory agree on.

    A host name would not do: containers on one host may or may not share it.
    """
    path = directory / _HOST_FILE
    if not path.exists():
        made = directory / f".{secrets.token_hex(8)}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(16))
        with suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
    return path.read_text()
