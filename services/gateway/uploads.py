"""Chunks of an upload to a file, refused as early as the bytes allow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.imagery.header import ImageLimits, inspect_image
from protos.earthgptx.v1.images_pb2 import UploadHeader, UploadImageRequest
from shared.errors import InvalidInput, QueueFull

MAX_CHUNK_BYTES = 1024 * 1024
# A header is asked for once that many bytes are there, and once more if it was not whole.
EARLY_LOOKS_BYTES = (4 * 1024, 256 * 1024)
RETRY_AFTER_S = 1.0


class UploadMemory:
    """Bytes of uploads held in this process, all tenants together."""

    def __init__(self, limit_bytes: int) -> None:
        """Lets `limit_bytes` be held at once."""
        self._limit_bytes = limit_bytes
        self._held_bytes = 0

    @contextmanager
    def hold(self) -> Iterator[HeldBytes]:
        """Room for one upload, given back when the block ends."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            self._held_bytes -= held.size_bytes

    def take(self, size_bytes: int) -> None:
        """Counts bytes that are about to be held.

        Raises:
            QueueFull: They do not fit beside the other uploads.
        """
        if self._held_bytes + size_bytes > self._limit_bytes:
            raise QueueFull(
                "too many uploads at once",
                limit=f"{self._limit_bytes} bytes of uploads at once",
                retry_after_s=RETRY_AFTER_S,
            )
        self._held_bytes += size_bytes


class HeldBytes:
    """The bytes of one upload so far."""

    def __init__(self, memory: UploadMemory) -> None:
        """Starts empty."""
        self._memory = memory
        self.data = bytearray()

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        return len(self.data)

    def add(self, chunk: bytes) -> None:
        """Appends `chunk`, if there is room."""
        self._memory.take(len(chunk))
        self.data += chunk


async def receive_file(
    requests: AsyncIterator[UploadImageRequest], held: HeldBytes, limits: ImageLimits
) -> bytes:
    """The whole file.

    Raises:
        InvalidInput: Parts out of order, a chunk or the file too large, fewer or more bytes than
            announced, or a header that shows already that the image cannot be used.
        QueueFull: Too many bytes of uploads at once.
    """
    announced_bytes = 0
    looks = list(EARLY_LOOKS_BYTES)
    begun = False
    async for request in requests:
        part = request.WhichOneof("part")
        if (part == "header") == begun:
            raise InvalidInput("the first message, and only it, carries the header", field="header")
        if part == "header":
            announced_bytes, begun = _announced_bytes(request.header, limits), True
            continue
        _check_chunk(request.chunk, held.size_bytes, announced_bytes or limits.max_bytes)
        held.add(request.chunk)
        if looks and held.size_bytes >= looks[0]:
            looks = [look for look in looks if look > held.size_bytes]
            _refuse_early(bytes(held.data[: EARLY_LOOKS_BYTES[-1]]), limits)
    if not held.size_bytes:
        raise InvalidInput("the image is empty", field="image", limit="at least 1 byte")
    if held.size_bytes < announced_bytes:
        raise InvalidInput(
            f"the upload ended after {held.size_bytes} of {announced_bytes} bytes",
            field="header.size_bytes",
            limit=f"{announced_bytes} bytes",
        )
    return bytes(held.data)


def _refuse_early(beginning: bytes, limits: ImageLimits) -> None:
    """Refuses a file of which the beginning shows that it cannot be used.

    A header that is not whole yet, or that lies at the end (TIFF), is no reason.

    Raises:
        InvalidInput: Of no known format, or over a limit.
    """
    try:
        inspect_image(beginning, limits)
    except DamagedImage:
        return
    except ImageryError as error:
        raise InvalidInput(str(error), field=error.field, limit=error.limit) from None


def _announced_bytes(header: UploadHeader, limits: ImageLimits) -> int:
    if not 0 <= header.size_bytes <= limits.max_bytes:
        raise InvalidInput(
            f"the file has {header.size_bytes} bytes",
            field="header.size_bytes",
            limit=f"0 to {limits.max_bytes} bytes",
        )
    return header.size_bytes


def _check_chunk(chunk: bytes, before_bytes: int, limit_bytes: int) -> None:
    if len(chunk) > MAX_CHUNK_BYTES:
        raise InvalidInput(
            f"a chunk has {len(chunk)} bytes", field="chunk", limit=f"{MAX_CHUNK_BYTES} bytes"
        )
    if before_bytes + len(chunk) > limit_bytes:
        raise InvalidInput(
            "the file is larger than announced or allowed",
            field="chunk",
            limit=f"{limit_bytes} bytes in all",
        )
