"""An ENVI scene on its way to the suite: its header and its raw file in one TAR, made as it goes.

The TAR (POSIX.1-1988, GNU's sizes over 8 GiB) depends on nothing but the content of the two: the
same scene has the same id whatever its files are called and wherever they lie.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from earthgptx_client.errors import invalid_input

HEADER_LIMIT_BYTES = 1024 * 1024
_START = b"ENVI"
_HEADER_SUFFIXES = (".hdr", ".HDR")
# By custom; ENVI itself leaves the name to whoever writes.
_RAW_SUFFIXES = frozenset({"", ".img", ".dat", ".bin", ".raw", ".bsq", ".bil", ".bip", ".envi"})


@dataclass(frozen=True)
class EnviPair:
    """The two files, and what lies around the raw file's bytes in the TAR.

    Attributes:
        header: path of the text.
        raw: path of the pixels.
        front: the TAR before the pixels.
        raw_bytes: size of the raw file.
        back: the TAR behind them.
    """

    header: Path
    raw: Path
    front: bytes
    raw_bytes: int
    back: bytes

    @property
    def size_bytes(self) -> int:
        """Of the TAR."""
        return len(self.front) + self.raw_bytes + len(self.back)

    def read(self, start: int, size_bytes: int) -> bytes:
        """Bytes of the TAR from `start` on; fewer at its end.

        Raises:
            OSError: the raw file cannot be read.
        """
        found = self.front[start : start + size_bytes]
        at = start + len(found) - len(self.front)
        if len(found) < size_bytes and at < self.raw_bytes:
            with self.raw.open("rb") as file:
                file.seek(at)
                found += file.read(min(size_bytes - len(found), self.raw_bytes - at))
            at = start + len(found) - len(self.front)
        if len(found) < size_bytes and at >= self.raw_bytes:
            behind = at - self.raw_bytes
            found += self.back[behind : behind + size_bytes - len(found)]
        return found


def pair_of(path: Path, is_known: bool) -> EnviPair | None:
    """The ENVI scene that a file is a half of; None for any other file.

    Args:
        path: a file.
        is_known: whether its first bytes are those of another format.

    Raises:
        ClientError: its other half is not beside it, or cannot be told from other files.
        OSError: one cannot be read.
    """
    if path.suffix in _HEADER_SUFFIXES and is_envi_header(path):
        return _packed(path, _raw_of(path))
    if is_known:
        return None
    for header in _headers_of(path):
        if is_envi_header(header):
            return _packed(header, path)
    if path.suffix.lower() in _RAW_SUFFIXES - {""}:
        raise invalid_input(
            f"{path.name} is of no known format",
            "image",
            f"PNG, JPEG, TIFF, JPEG 2000, NITF, or ENVI: {path.with_suffix('.hdr').name} beside it",
        )
    return None


def is_envi_header(path: Path) -> bool:
    """Whether it is the header of an ENVI scene; those of others have the same suffix.

    Raises:
        OSError: it cannot be read.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_START)) == _START


def _headers_of(raw: Path) -> Iterator[Path]:
    for suffix in _HEADER_SUFFIXES:
        yield raw.with_suffix(suffix)
        yield raw.with_name(raw.name + suffix)


def _raw_of(header: Path) -> Path:
    named = header.with_suffix("")
    if named.is_file():
        # SCENE.img.hdr, or SCENE.hdr of a raw file without a suffix.
        return named
    found = [
        path
        for path in sorted(header.parent.iterdir())
        if path.stem == header.stem and path.suffix.lower() in _RAW_SUFFIXES and path.is_file()
    ]
    if len(found) == 1:
        return found[0]
    there = ", ".join(path.name for path in found) or "none"
    raise invalid_input(
        f"{header.name} is the header of an ENVI scene, and which file has its pixels is not plain",
        "image",
        f"one file of that name beside it, with a suffix such as .img or .dat; there is {there}",
    )


def _packed(header: Path, raw: Path) -> EnviPair:
    with header.open("rb") as file:
        text = file.read(HEADER_LIMIT_BYTES + 1)
    if len(text) > HEADER_LIMIT_BYTES:
        raise invalid_input(
            f"{header.name} is too large", "image", f"{HEADER_LIMIT_BYTES} bytes of an ENVI header"
        )
    raw_bytes = raw.stat().st_size
    front = _described("scene.hdr", len(text)) + text + _filling(len(text))
    front += _described("scene.img", raw_bytes)
    end = bytes(2 * tarfile.BLOCKSIZE)
    return EnviPair(header, raw, front, raw_bytes, _filling(raw_bytes) + end)


def _described(name: str, size_bytes: int) -> bytes:
    """The block before a member."""
    member = tarfile.TarInfo(name)
    member.size = size_bytes
    return member.tobuf(tarfile.GNU_FORMAT)


def _filling(size_bytes: int) -> bytes:
    """What makes whole blocks of a member."""
    return bytes(-size_bytes % tarfile.BLOCKSIZE)
