"""Mappings of slabs that readers have given back, kept for the next tensor in the same slab.

A new mapping costs a page fault for every few pages read and an unmapping afterwards, together more
than the digest of what lies there; slabs are used again, so their mappings are, too.

A mapping is private: whoever writes into it changes copies of its pages, never the slab. It is lent
to one reader at a time, so nobody sees what another has written. The next reader of the same
mapping would: its digest tells (`TensorStore.get`), and it takes another. Pages nobody wrote into
show what the slab holds now.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import weakref
from collections import OrderedDict, deque
from pathlib import Path

import numpy as np

from shared.tensors.slab_pool import (
    PAGE_BYTES,
    SlabGone,
    SlabHeader,
    open_pinned,
    pin,
    read_header,
)

# Kept while nobody reads in them: what a busy stage reads within seconds. Two descriptors each.
_MOST_IDLE = 64
_IDLE_LIMIT_BYTES = 512 * 1024 * 1024


class SlabMapping:
    """One mapping of one slab, by a descriptor of its own that holds the slab's shared lock."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self._bytes = np.frombuffer(mmap.mmap(fd, 0, access=mmap.ACCESS_COPY), dtype=np.uint8)
        self._fd = os.dup(fd)  # the same open file, so the same lock
        self.size_bytes = self._bytes.nbytes

    def pin(self) -> None:
        """Takes the shared lock again.

        Raises:
            SlabGone: The slab is deleted, cut short, or being written anew.
        """
        if pin(self._fd) < self.size_bytes:
            raise SlabGone

    def header(self) -> SlabHeader | None:
        """What the slab says of itself now; call it pinned."""
        return read_header(self._fd)

    def unpin(self) -> None:
        """Lets the slab be written or deleted."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def view(self, size_bytes: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        """u8 [size_bytes]: the elements; call it pinned."""
        return self._bytes[PAGE_BYTES : PAGE_BYTES + size_bytes]

    def close(self) -> None:
        """Lets go of it; unmapped when the last view has gone."""
        os.close(self._fd)
        del self._bytes


class SlabMappings:
    """A reader's mappings of the slabs of one directory; safe to use from many threads."""

    def __init__(self, directory: Path, most_idle: int = _MOST_IDLE) -> None:
        """Takes the directory of the slabs and the most mappings to keep while nobody reads."""
        self._directory = directory
        self._most_idle = min(most_idle, _MOST_IDLE)
        self._mutex = threading.Lock()
        self._idle: OrderedDict[str, SlabMapping] = OrderedDict()  # the longest unused first
        # Views die wherever the collector runs, under the mutex, too: they only queue up here.
        self._given_back: deque[SlabMapping] = deque()

    def pinned(self, name: str) -> SlabMapping:
        """A mapping of that slab, the caller's alone, pinned: `lend` or `give_back` it.

        Raises:
            SlabGone: It is deleted, or being written anew.
        """
        with self._mutex:
            self._collect()
            known = self._idle.pop(name, None)
        if known is None:
            with open_pinned(self._directory / name) as fd:
                if os.fstat(fd).st_size < PAGE_BYTES:
                    raise SlabGone
                return SlabMapping(name, fd)
        try:
            known.pin()
        except SlabGone:
            known.close()
            raise
        return known

    def lend(self, mapping: SlabMapping, size_bytes: int) -> memoryview:
        """The elements; the mapping comes back, unpinned, when the last view of them has gone."""
        view = mapping.view(size_bytes)
        weakref.finalize(view, self.give_back, mapping).atexit = False
        return view.data

    def give_back(self, mapping: SlabMapping) -> None:
        """Unpins it and keeps it for the next."""
        mapping.unpin()
        self._given_back.append(mapping)

    def close(self) -> None:
        """Lets go of those that nobody reads in."""
        with self._mutex:
            self._most_idle = 0
            self._collect()

    def _collect(self) -> None:
        """Files what was given back, and lets go of what is more than may be kept."""
        while self._given_back:
            mapping = self._given_back.popleft()
            # The later one stays: what was given back before may have been written into.
            if older := self._idle.pop(mapping.name, None):
                older.close()
            self._idle[mapping.name] = mapping
        kept_bytes = sum(mapping.size_bytes for mapping in self._idle.values())
        while len(self._idle) > self._most_idle or kept_bytes > _IDLE_LIMIT_BYTES:
            _, oldest = self._idle.popitem(last=False)
            kept_bytes -= oldest.size_bytes
            oldest.close()
