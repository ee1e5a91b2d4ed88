"""An ENVI scene in one file: a TAR of its text header and its raw file, read where they lie.

ENVI is two files; what is uploaded is one. A TAR holds its files whole, one after the other, so
pixels need not be unpacked: ENVI's own "header offset" says where in a file they begin. Of the TAR
only two plain files are read, told apart by their first bytes; their names are looked at by nobody,
so they cannot lead anywhere.
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
from earthgptx.scenes.tar_members import HOW_TO_PACK, PlainFile, is_tar, plain_files

HEADER_LIMIT_BYTES = 1024 * 1024
HEADER_START = b"ENVI"

# None of these takes more than one look at a character, whatever a stranger's header is full of.
_IN_BRACES = re.compile(r"\{[^{}]*\}")
_OFFSET = re.compile(r"^[ \t]*header[ \t]+offset[ \t]*=(.*)$", re.I | re.M)
_COMPRESSION = re.compile(r"^[ \t]*file[ \t]+compression[ \t]*=(.*)$", re.I | re.M)


@dataclass(frozen=True)
class EnviPair:
    """What a TAR holds.

    Attributes:
        header: ENVI's text; its offset is that of the pixels in the TAR.
        end_bytes: where in the TAR the raw file ends.
    """

    header: str
    end_bytes: int


def is_pair(path: Path) -> bool:
    """Whether the file begins as a TAR."""
    with path.open("rb") as file:
        return is_tar(file.read(tarfile.BLOCKSIZE))


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
        OSError: the local disk has no room for a link and a header.
    """
    pair = read_pair(path)
    with TemporaryDirectory(prefix="earthgptx-") as folder:
        raw = Path(folder) / "scene.img"
        raw.symlink_to(path.resolve())
        raw.with_suffix(".hdr").write_text(pair.header, "latin-1")
        yield raw


def _both(file: BinaryIO, size_bytes: int) -> tuple[PlainFile, PlainFile]:
    """Header and raw file."""
    headers: list[PlainFile] = []
    others: list[PlainFile] = []
    for found in plain_files(file, size_bytes):
        (others if headers or not _is_header(file, found) else headers).append(found)
        if len(headers) + len(others) > 2:
            raise ImageryError("image", "is a TAR of more than two files", HOW_TO_PACK)
    if not headers:
        raise ImageryError(
            "image", f"is a TAR without an ENVI header of {HEADER_LIMIT_BYTES} bytes", HOW_TO_PACK
        )
    if not others:
        raise ImageryError("image", "is a TAR of an ENVI header without its pixels", HOW_TO_PACK)
    return headers[0], others[0]


def _is_header(file: BinaryIO, found: PlainFile) -> bool:
    file.seek(found.start_bytes)
    return found.size_bytes <= HEADER_LIMIT_BYTES and file.read(len(HEADER_START)) == HEADER_START


def _moved(text: str, raw: PlainFile) -> str:
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
