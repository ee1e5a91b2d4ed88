"""Where the plain files of a TAR lie in it; nothing is unpacked, and no name is looked at.

Read is what tar and Python's tarfile write: POSIX.1-1988 ("ustar"), POSIX.1-2001 ("pax": records of
attributes before a file, of which its size is of use here) and GNU's (long names as records, sizes
over 8 GiB). Links, devices and sparse files are refused; folders are passed over.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from earthgptx.imagery.errors import DamagedImage, ImageryError

HOW_TO_PACK = "one TAR of the two, `tar -cf SCENE.tar SCENE.hdr SCENE.img`"
# Attributes of one file: names, times, an access control list.
RECORD_LIMIT_BYTES = 256 * 1024
# Files, folders and records; two files need six at most.
_MOST_MEMBERS = 64
_MAGIC = slice(257, 262)
_RECORD_LENGTH = re.compile(b"([0-9]{1,7}) ")
_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE)
_GNU_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


@dataclass(frozen=True)
class PlainFile:
    """A file in a TAR: its bytes follow each other."""

    start_bytes: int
    size_bytes: int


def is_tar(start: bytes) -> bool:
    """Whether a file that begins so (``tarfile.BLOCKSIZE`` bytes) is a TAR."""
    return start[_MAGIC] == b"ustar"


def plain_files(file: BinaryIO, size_bytes: int) -> Iterator[PlainFile]:
    """The plain files of a TAR in their order, found as they are asked for.

    Args:
        file: open; wherever it stands.
        size_bytes: of all of it.

    Raises:
        ImageryError: a member is none of those that are read, or there are too many (field
            "image"); ``DamagedImage`` where it is cut short or makes no sense.
    """
    at_bytes = 0
    told_of_all: dict[bytes, bytes] = {}
    told_of_next: dict[bytes, bytes] = {}
    for _ in range(_MOST_MEMBERS):
        member = _member_at(file, at_bytes)
        if member is None:
            return
        told = told_of_all | told_of_next
        start_bytes = at_bytes + tarfile.BLOCKSIZE
        length_bytes = _length(member, told)
        if length_bytes > size_bytes - start_bytes:
            what = f"a member of {length_bytes} bytes begins at {start_bytes} of {size_bytes}"
            raise DamagedImage("image", f"is cut short: {what}", HOW_TO_PACK)
        if member.type in _PAX:
            records = _records(file.read(length_bytes))
            if member.type == tarfile.XGLTYPE:
                told_of_all |= records
            else:
                told_of_next = records
        elif member.type not in _GNU_NAMES:
            told_of_next = {}
            if member.isreg():
                yield PlainFile(start_bytes, length_bytes)
        end_bytes = start_bytes + length_bytes
        at_bytes = -(-end_bytes // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    raise ImageryError("image", f"is a TAR of {_MOST_MEMBERS} members or more", HOW_TO_PACK)


def _member_at(file: BinaryIO, at_bytes: int) -> tarfile.TarInfo | None:
    """What the block there says; None at the end of the TAR."""
    file.seek(at_bytes)
    block = file.read(tarfile.BLOCKSIZE)
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "latin-1", "strict")
    except tarfile.HeaderError as error:
        raise DamagedImage("image", f"is a damaged TAR: {error}", HOW_TO_PACK) from None


def _length(member: tarfile.TarInfo, told: dict[bytes, bytes]) -> int:
    """Bytes of the member's content, which must be of a kind that is read."""
    if member.type in (*_PAX, *_GNU_NAMES):
        if not 0 <= member.size <= RECORD_LIMIT_BYTES:
            limit = f"{RECORD_LIMIT_BYTES} bytes; {HOW_TO_PACK}"
            raise ImageryError("image", f"is a TAR with attributes of {member.size} bytes", limit)
        return member.size
    if member.isdir():
        return 0
    # Links, devices, and files with holes, of which GNU's pax records tell as well.
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or any(
        key.startswith(b"GNU.sparse") for key in told
    ):
        raise ImageryError("image", "is a TAR of more than plain files and folders", HOW_TO_PACK)
    size = told.get(b"size")
    if size is not None and not re.fullmatch(b"[0-9]{1,18}", size):
        raise DamagedImage("image", f"is a TAR with a size of {size[:20]!r}", HOW_TO_PACK)
    length_bytes = member.size if size is None else int(size)
    if length_bytes <= 0:
        raise DamagedImage("image", "is a TAR with an empty file", HOW_TO_PACK)
    return length_bytes


def _records(data: bytes) -> dict[bytes, bytes]:
    """Attributes, each as "LENGTH KEY=VALUE", LENGTH bytes with a line feed (POSIX.1-2017, pax)."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        length = _RECORD_LENGTH.match(data, at)
        stop = at + int(length[1]) if length else 0
        if length is None or not length.end() < stop <= len(data) or data[stop - 1 : stop] != b"\n":
            raise DamagedImage("image", "is a TAR with damaged attributes", HOW_TO_PACK)
        key, _, value = data[length.end() : stop - 1].partition(b"=")
        found[key] = value
        at = stop
    return found
