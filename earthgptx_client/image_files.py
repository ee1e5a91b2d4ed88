"""An image on its way to the suite: its name by content, and its bytes in parts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from earthgptx_client.errors import invalid_input
from protos.earthgptx.v1 import images_pb2

File = str | os.PathLike[str] | bytes
# Told bytes handed to the connection so far, and bytes in all.
OnSent = Callable[[int, int], None]
_CHUNK_BYTES = 512 * 1024


def readable_again(image: File) -> File:
    """The image itself where it is a file; the bytes of what can be read once (a pipe).

    Raises:
        ClientError: it cannot be read.
    """
    if isinstance(image, bytes) or Path(image).is_file():
        return image
    return b"".join(_chunks(image))


def image_id(image: File) -> str:
    """The name the suite gives to the image: the hash of its bytes.

    Raises:
        ClientError: it cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(image):
        digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def upload_messages(
    image: File, on_sent: OnSent | None = None
) -> Iterator[images_pb2.UploadImageRequest]:
    """The messages of an upload; the connection asks for the next when it has room.

    Raises:
        ClientError: the image cannot be read.
    """
    if isinstance(image, bytes):
        header = images_pb2.UploadHeader(size_bytes=len(image))
    else:
        path = Path(image)
        # A name need not be text; it is for messages only.
        name = path.name.encode(errors="replace").decode()
        header = images_pb2.UploadHeader(file_name=name, size_bytes=path.stat().st_size)
    yield images_pb2.UploadImageRequest(header=header)
    sent_bytes = 0
    for chunk in _chunks(image):
        yield images_pb2.UploadImageRequest(chunk=chunk)
        sent_bytes += len(chunk)
        if on_sent:
            on_sent(sent_bytes, header.size_bytes)


def _chunks(image: File) -> Iterator[bytes]:
    if isinstance(image, bytes):
        for begin in range(0, len(image), _CHUNK_BYTES):
            yield image[begin : begin + _CHUNK_BYTES]
        return
    with open_file(image) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, opened for reading.

    Raises:
        ClientError: it cannot be read.
    """
    try:
        return Path(path).open("rb")
    except OSError as error:
        shown = os.fspath(path)
        raise invalid_input(f"cannot read {shown}: {error.strerror}", "image") from None
