"""Files that are whole or not there; uploads on their way to one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.scenes.spool import spool
from earthgptx.scenes.whole_file import whole_file

DATA = os.urandom(100_000)


def chunks() -> Iterator[bytes]:
    yield from (DATA[at : at + 30_000] for at in range(0, len(DATA), 30_000))


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with whole_file(path) as unfinished:
        unfinished.write_bytes(b"half")
        assert not path.exists() and unfinished.suffix == path.suffix
    assert path.read_bytes() == b"half" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_fails_leaves_nothing_and_keeps_what_was_there(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with pytest.raises(error), whole_file(path, overwrite=True) as unfinished:
        unfinished.write_bytes(b"half")
        (unfinished.parent / "a.bin-journal").write_bytes(b"beside")
        raise error
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_another_file_is_not_replaced_even_if_it_comes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(FileExistsError), whole_file(path) as unfinished:
        unfinished.write_bytes(b"mine")
        path.write_bytes(b"theirs")
    with pytest.raises(FileExistsError), whole_file(path):
        raise AssertionError("not reached")
    assert path.read_bytes() == b"theirs" and list(tmp_path.iterdir()) == [path]


def test_an_upload_is_spooled_and_checked(tmp_path: Path) -> None:
    path = spool(
        chunks(),
        tmp_path / "scene.tif",
        limit_bytes=len(DATA),
        size_bytes=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
    )
    assert path.read_bytes() == DATA


def test_an_upload_that_is_too_large_short_or_another_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    with pytest.raises(ImageryError, match="too large"):
        spool(chunks(), path, limit_bytes=99_999)
    with pytest.raises(DamagedImage, match="came with 100000 bytes"):
        spool(chunks(), path, limit_bytes=10**6, size_bytes=100_001)
    with pytest.raises(DamagedImage, match="SHA-256"):
        spool(chunks(), path, limit_bytes=10**6, sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []
