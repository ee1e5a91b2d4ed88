"""An ENVI scene in one file: a TAR of its text header and its raw file, read where they lie.

ENVI is two files; what is uploaded is one. A TAR holds its members whole, one after the other
(POSIX.1-1988 "ustar", and GNU's sizes over 8 GiB), so pixels need not be unpacked: ENVI's own
"header offset" says where in a file they begin. Of the TAR only two plain members are read, by
their first bytes; their names are looked at by nobody, so they cannot lead anywhere.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from earthgptx.imagery.errors import DamagedImage, ImageryError

HEADER_LIMIT_BYTES = 1024 * 1024
HEADER_START = b"ENVI"
HOW_TO_PACK = "one TAR of the two, `tar --format=gnu -cf SCENE.tar SCENE.hdr SCENE.img`"

# None of these takes more than one look at a character, whatever a stranger's header is full of.
_IN_BRACES = re.compile(r"\{[^{}]*\}")
_OFFSET = re.compile(r"^[ \t]*header[ \t]+offset[ \t]*=(.*)$", re.I | re.M)
_COMPRESSION = re.compile(r"^[ \t]*file[ \t]+compression[ \t]*=(.*)$", re.I | re.M)
_MAGIC = slice(257, 262)


@dataclass(frozen=True)
class EnviPair:
    """What a TAR holds.

    Attributes:
        header: ENVI's text; its offset is that of the pixels in the TAR.
        end_bytes: where in the TAR the raw file ends.
    """

    header: str
    end_bytes: int


@dataclass(frozen=True)
class _Member:
    start_bytes: int
    size_bytes: int
    is_header: bool


def is_pair(path: Path) -> bool:
    """Whether the file begins as a TAR."""
    with path.open("rb") as file:
        return file.read(tarfile.BLOCKSIZE)[_MAGIC] == b"ustar"


def read_pair(path: Path) -> EnviPair:
    """Finds header and raw file in a TAR.

    Raises:
        ImageryError: it holds anything else, or one of the two alone, or a compressed scene (field
            "image"); ``DamagedImage`` where it is cut short or its header makes no sense.
    """
    with path.open("rb") as file:
        header, raw = _both(file, path.stat().st_size)
        file.seek(header.start_bytes)
        text = file.read(header.size_bytes).decode("latin-1")
    return EnviPair(_moved(text, raw), raw.start_bytes + raw.size_bytes)


@contextmanager
def beside_each_other(path: Path) -> Iterator[Path]:
    """The raw file with its header beside it, as GDAL looks for them, until the block ends.

    The raw file is a link to the TAR: nothing is copied.

    Raises:
        ImageryError: see ``read_pair``.
    """
    pair = read_pair(path)
    with TemporaryDirectory(prefix="earthgptx-") as folder:
        raw = Path(folder) / "scene.img"
        raw.symlink_to(path.resolve())
        raw.with_suffix(".hdr").write_text(pair.header, "latin-1")
        yield raw


def _both(file: BinaryIO, size_bytes: int) -> tuple[_Member, _Member]:
    """Header and raw file."""
    members: list[_Member] = []
    at_bytes = 0
    while (member := _member_at(file, at_bytes, size_bytes)) is not None:
        members.append(member)
        if len(members) > 2:
            raise ImageryError("image", "is a TAR of more than two files", HOW_TO_PACK)
        end_bytes = member.start_bytes + member.size_bytes
        at_bytes = -(-end_bytes // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    headers = [member for member in members if member.is_header]
    if not headers:
        raise ImageryError(
            "image", f"is a TAR without an ENVI header of {HEADER_LIMIT_BYTES} bytes", HOW_TO_PACK
        )
    raw = [member for member in members if member is not headers[0]]
    if not raw:
        raise ImageryError("image", "is a TAR of an ENVI header without its pixels", HOW_TO_PACK)
    return headers[0], raw[0]


def _member_at(file: BinaryIO, at_bytes: int, size_bytes: int) -> _Member | None:
    """The member whose block of the TAR is there; None at its end."""
    file.seek(at_bytes)
    block = file.read(tarfile.BLOCKSIZE)
    if not block.strip(b"\0"):
        return None
    try:
        told = tarfile.TarInfo.frombuf(block, "latin-1", "strict")
    except tarfile.HeaderError as error:
        raise DamagedImage("image", f"is a damaged TAR: {error}", HOW_TO_PACK) from None
    # Links, sparse files and the records of long names and attributes.
    if told.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise ImageryError("image", "is a TAR of more than plain files", HOW_TO_PACK)
    start_bytes = at_bytes + tarfile.BLOCKSIZE
    if not 0 < told.size <= size_bytes - start_bytes:
        raise DamagedImage(
            "image",
            f"is cut short: a file of {told.size} bytes begins at {start_bytes} of {size_bytes}",
            HOW_TO_PACK,
        )
    is_header = told.size <= HEADER_LIMIT_BYTES and file.read(len(HEADER_START)) == HEADER_START
    return _Member(start_bytes, told.size, is_header)


def _moved(text: str, raw: _Member) -> str:
    """The header for pixels that begin in the middle of a file."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = _IN_BRACES.sub("", text)
    if any(each.strip() not in ("", "0") for each in _COMPRESSION.findall(plain)):
        raise ImageryError("image", "is compressed inside", "an ENVI scene as it is, not gzipped")
    offsets = _OFFSET.findall(plain) or ["0"]
    told = offsets[0].strip()
    if len(offsets) > 1 or not re.fullmatch("[0-9]{1,18}", told) or int(told) >= raw.size_bytes:
        raise DamagedImage(
            "image", f"says that its pixels begin at {', '.join(offsets)}"[:200], "a whole header"
        )
    first, _, rest = _OFFSET.sub("", text).partition("\n")
    return f"{first}\nheader offset = {raw.start_bytes + int(told)}\n{rest}"
