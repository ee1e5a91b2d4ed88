"""An image on its way to the suite: its name by content, and its bytes in parts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from earthgptx_client.envi_files import EnviPair, pair_of
from earthgptx_client.errors import invalid_input
from protos.earthgptx.v1 import images_pb2

File = str | os.PathLike[str] | bytes | EnviPair
# Told bytes handed to the connection so far, and bytes in all.
OnSent = Callable[[int, int], None]
_CHUNK_BYTES = 512 * 1024
# What the suite reads by window; all of it, however small, where images are not of that format.
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SCENE_STARTS = (b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51", b"NITF0", b"NSIF0")
_KNOWN_STARTS = (*TIFF_STARTS, *SCENE_STARTS, b"\x89PNG", b"\xff\xd8\xff")
# A TAR that somebody made of an ENVI scene.
_TAR_MAGIC = slice(257, 262)


def readable_again(image: File) -> File:
    """The image itself where it is a file; the bytes of what can be read once (a pipe).

    Of an ENVI scene either half stands for both.

    Raises:
        ClientError: it cannot be read, or its other half is not there.
    """
    if isinstance(image, bytes | EnviPair):
        return image
    if not Path(image).is_file():
        return b"".join(_chunks(image))
    is_known = is_tar(image) or first_bytes(image).startswith(_KNOWN_STARTS)
    with _refused(image):
        return pair_of(Path(image), is_known) or image


def first_bytes(file: File) -> bytes:
    """The first bytes.

    Raises:
        ClientError: it cannot be read.
    """
    return read_at(file, 0, 512)


def is_tar(file: File) -> bool:
    """Whether it is a TAR by its first bytes.

    Raises:
        ClientError: it cannot be read.
    """
    return first_bytes(file)[_TAR_MAGIC] == b"ustar"


def size_bytes(file: File) -> int:
    """How many bytes are sent.

    Raises:
        ClientError: it cannot be read.
    """
    if isinstance(file, bytes):
        return len(file)
    if isinstance(file, EnviPair):
        return file.size_bytes
    with open_file(file) as opened:
        return os.fstat(opened.fileno()).st_size


def read_at(file: File, begin: int, count: int) -> bytes:
    """`count` bytes from `begin` on; fewer at the end.

    Raises:
        ClientError: it cannot be read.
    """
    if isinstance(file, bytes):
        return file[begin : begin + count]
    if isinstance(file, EnviPair):
        with _refused(file.raw):
            return file.read(begin, count)
    with open_file(file) as opened:
        opened.seek(begin)
        return opened.read(count)


def name_of(file: File) -> str:
    """Its name for messages, without folders; "" of mere bytes."""
    if isinstance(file, bytes):
        return ""
    path = file.header if isinstance(file, EnviPair) else Path(file)
    # A name need not be text.
    return path.name.encode(errors="replace").decode()


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
    header = images_pb2.UploadHeader(file_name=name_of(image), size_bytes=size_bytes(image))
    yield images_pb2.UploadImageRequest(header=header)
    sent_bytes = 0
    for chunk in _chunks(image):
        yield images_pb2.UploadImageRequest(chunk=chunk)
        sent_bytes += len(chunk)
        if on_sent:
            on_sent(sent_bytes, header.size_bytes)


def _chunks(image: File) -> Iterator[bytes]:
    if isinstance(image, bytes | EnviPair):
        for begin in range(0, size_bytes(image), _CHUNK_BYTES):
            yield read_at(image, begin, _CHUNK_BYTES)
        return
    with open_file(image) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, opened for reading.

    Raises:
        ClientError: it cannot be read.
    """
    with _refused(path):
        return Path(path).open("rb")


@contextmanager
def _refused(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        shown = os.fspath(path)
        raise invalid_input(f"cannot read {shown}: {error.strerror}", "image") from None
