"""ENVI scenes in one TAR: read where they lie; whatever else a TAR may hold is refused."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.scenes.envi_pair import HEADER_LIMIT_BYTES, read_pair
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tar_members import RECORD_LIMIT_BYTES
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, write_scene

RGB = np.random.default_rng(7).integers(1, 60_000, (3, 70, 90)).astype(np.uint16)
HEADER = b"ENVI\nsamples = 9\nlines = 9\nbands = 1\ndata type = 1\ninterleave = bsq\n"


@pytest.fixture
def halves(tmp_path: Path) -> tuple[bytes, bytes]:
    """Header and raw file of a real scene."""
    raw = write_scene(tmp_path / "port.img", RGB, driver="ENVI", **UTM_HALF_METRE)
    return raw.with_suffix(".hdr").read_bytes(), raw.read_bytes()


def tar_of(*members: tuple[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def linked(kind: bytes) -> bytes:
    """A TAR of which the second member is no file but points to one."""
    link = tarfile.TarInfo("scene.img")
    link.type, link.linkname = kind, "/etc/passwd"
    return tar_of(("scene.hdr", HEADER))[:1024] + link.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def told(record: bytes, header: bytes, raw: bytes) -> bytes:
    """A TAR with one pax record (its newline is added) before the raw file."""
    length = len(record) + 2
    length += len(str(length + len(str(length))))
    data = b"%d %s\n" % (length, record)
    member = tarfile.TarInfo("attributes")
    member.type, member.size = tarfile.XHDTYPE, len(data)
    pax = member.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)
    end = 2 * tarfile.BLOCKSIZE
    first = tar_of(("a.hdr", header)).rstrip(b"\0")
    return (
        first + bytes(-len(first) % tarfile.BLOCKSIZE) + pax + tar_of(("a.img", raw)) + bytes(end)
    )


def folders(number: int) -> bytes:
    member = tarfile.TarInfo("folder")
    member.type = tarfile.DIRTYPE
    return member.tobuf(tarfile.GNU_FORMAT) * number


def refusal(path: Path, data: bytes) -> ImageryError:
    path.write_bytes(data)
    with pytest.raises(ImageryError) as told, open_scene(path):
        pass
    assert told.value.field == "image" and told.value.limit
    return told.value


@pytest.mark.parametrize("raw_first", [False, True])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
def test_pixels_are_read_where_they_lie(
    halves: tuple[bytes, bytes], tmp_path: Path, raw_first: bool, form: int
) -> None:
    members = [("port.hdr", halves[0]), ("port.img", halves[1])]
    path = tmp_path / "object"
    path.write_bytes(tar_of(*(reversed(members) if raw_first else members), form=form))
    with open_scene(path) as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)
        part = scene.read(Window(11, 13, 30, 20))
        assert np.array_equal(part.bands_CHW, RGB[:, 13:33, 11:41])
        assert (scene.header.format, scene.header.gsd_m) == ("ENVI", 0.5)
        assert scene.header.size_bytes == path.stat().st_size


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar here")
@pytest.mark.parametrize("form", ["gnu", "pax", "ustar", "oldgnu"])
def test_what_tar_writes_is_read(halves: tuple[bytes, bytes], tmp_path: Path, form: str) -> None:
    # A folder as well, and names that take records of their own where the format has such.
    long = "a/" * 60 + "n" * 90 if form != "ustar" else "a"
    folder = tmp_path / "scene" / long
    folder.mkdir(parents=True)
    for name in ("port.hdr", "port.img"):
        (tmp_path / name).rename(folder / name)
    path = tmp_path / "object"
    command = ["tar", f"--format={form}", "-C", str(tmp_path), "-cf", str(path), f"scene/{long}"]
    subprocess.run(command, check=True)
    with open_scene(path) as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)


def test_what_pythons_tarfile_writes_is_read(halves: tuple[bytes, bytes], tmp_path: Path) -> None:
    path = tmp_path / "object"
    with tarfile.open(path, "w") as tar:
        tar.add(tmp_path / "port.hdr", "ü" * 120)
        tar.add(tmp_path / "port.img")
    # It tells the fraction of a second in which a file was changed.
    assert b"mtime=" in path.read_bytes()
    with open_scene(path) as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)


def test_a_size_that_is_told_in_a_record_counts(
    halves: tuple[bytes, bytes], tmp_path: Path
) -> None:
    # As is done with files over 8 GiB: the block before them has no room for their size.
    raw = tarfile.TarInfo("a.img")
    raw.pax_headers = {"size": str(len(halves[1]))}
    block = raw.tobuf(tarfile.PAX_FORMAT)
    header = tar_of(("a.hdr", halves[0])).rstrip(b"\0")
    header += bytes(-len(header) % tarfile.BLOCKSIZE)
    (tmp_path / "object").write_bytes(header + block + halves[1])
    with open_scene(tmp_path / "object") as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)


def test_an_offset_of_its_own_is_added(halves: tuple[bytes, bytes], tmp_path: Path) -> None:
    header = halves[0].replace(b"header offset = 0", b"Header Offset =  100 ")
    assert header != halves[0]
    described = b"description = {\nheader offset = 7\n}\n"
    path = tmp_path / "object"
    path.write_bytes(tar_of(("a", header + described), ("b", b"x" * 100 + halves[1])))
    with open_scene(path) as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b.img", "\x01;rm"])
def test_names_lead_nowhere(halves: tuple[bytes, bytes], tmp_path: Path, name: str) -> None:
    before = Path("/etc/passwd").read_bytes()
    path = tmp_path / "object"
    path.write_bytes(tar_of((name, halves[0]), (name, halves[1])))
    with open_scene(path) as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)
    assert Path("/etc/passwd").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["object", "port.hdr", "port.img"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda h, r: tar_of(("a.hdr", h), ("a.img", r), ("c", b"more")), "more than two"),
        (lambda h, r: tar_of(("a.hdr", h)), "without its pixels"),
        (lambda h, r: tar_of(("a.img", r)), "without an ENVI header"),
        (lambda h, r: tar_of(("a.hdr", b"<VRTDataset"), ("a.img", r)), "without an ENVI header"),
        (lambda h, r: linked(tarfile.SYMTYPE), "more than plain files"),
        (lambda h, r: linked(tarfile.LNKTYPE), "more than plain files"),
        (lambda h, r: linked(tarfile.GNUTYPE_SPARSE), "more than plain files"),
        (lambda h, r: told(b"GNU.sparse.major=1", h, r), "more than plain files"),
        (lambda h, r: told(b"size=-1", h, r), "a size of"),
        (lambda h, r: told(b"size=99999999", h, r), "cut short"),
        (lambda h, r: told(b"size=0", h, r), "an empty file"),
        (lambda h, r: told(b"a" * RECORD_LIMIT_BYTES, h, r), "attributes of"),
        (lambda h, r: told(b"x", h, r).replace(b"4 x\n", b"9 x\n"), "damaged attributes"),
        (lambda h, r: folders(70) + tar_of(("a.hdr", h), ("a.img", r)), "64 members or more"),
        (lambda h, r: tar_of(("a.hdr", h + b" " * HEADER_LIMIT_BYTES), ("a.img", r)), "without an"),
        (lambda h, r: tar_of(("a.hdr", h + b"\nfile compression = 1\n"), ("a.img", r)), "compress"),
    ],
)
def test_a_tar_of_anything_else_is_refused_by_name(
    halves: tuple[bytes, bytes],
    tmp_path: Path,
    make: Callable[[bytes, bytes], bytes],
    words: str,
) -> None:
    assert words in refusal(tmp_path / "object", make(*halves)).message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"lines   = 70", b"lines   = 71", "cut short"),
        (b"lines   = 70", b"lines   = 700000", "cut short"),
        (b"lines   = 70", b"lines   = 2000000000", "sides of"),
        (b"lines   = 70", b"lines   = -1", ""),
        (b"header offset = 0", b"header offset = 2", "cut short"),
        (b"header offset = 0", b"header offset = -99", "begin at"),
        (b"header offset = 0", b"header offset = 99999999999999999999", "begin at"),
        (b"header offset = 0", b"header offset = 0\nheader offset = 1", "begin at"),
        (b"data type = 12", b"data type = 6", "elements of type"),
    ],
)
def test_a_header_that_lies_is_refused(
    halves: tuple[bytes, bytes], tmp_path: Path, old: bytes, new: bytes, words: str
) -> None:
    assert old in halves[0]
    error = refusal(
        tmp_path / "object", tar_of(("a", halves[0].replace(old, new)), ("b", halves[1]))
    )
    assert words in f"{error.message}; {error.limit}"


def test_a_header_that_names_another_file_names_it_in_vain(
    halves: tuple[bytes, bytes], tmp_path: Path
) -> None:
    header = halves[0] + b"data file = /etc/passwd\nspectra file = {/vsicurl/http://127.0.0.1/a}\n"
    path = tmp_path / "object"
    path.write_bytes(tar_of(("a.hdr", header), ("b.img", halves[1])))
    with open_scene(path) as scene:
        assert np.array_equal(scene.read(scene.whole).bands_CHW, RGB)


def test_a_tar_cut_short_anywhere_is_refused(halves: tuple[bytes, bytes], tmp_path: Path) -> None:
    whole = tar_of(("a.hdr", halves[0]), ("a.img", halves[1]))
    for size_bytes in (511, 513, 600, 1200, 2000, len(whole) // 2):
        refusal(tmp_path / "object", whole[:size_bytes])


def test_a_lone_header_says_what_is_missing(halves: tuple[bytes, bytes], tmp_path: Path) -> None:
    error = refusal(tmp_path / "object", halves[0])
    assert "without its pixels" in error.message and "tar -cf" in str(error.limit)
    assert "one TAR" in str(refusal(tmp_path / "object", halves[1]).limit)


@given(st.booleans(), st.integers(0, 4095), st.binary(min_size=1, max_size=200))
def test_whatever_a_tar_says_it_is_read_within_itself(
    tmp_path_factory: pytest.TempPathFactory, is_pax: bool, at: int, noise: bytes
) -> None:
    plain = tar_of(("a.hdr", HEADER), ("a.img", bytes(81)))
    data = bytearray(told(b"mtime=1.5", HEADER, bytes(81)) if is_pax else plain)
    data[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "noisy"
    path.write_bytes(data)
    try:
        pair = read_pair(path)
    except ImageryError:
        return
    assert pair.end_bytes <= len(data) and pair.header.startswith("ENVI")


@pytest.mark.timeout(10)
def test_a_header_full_of_braces_and_blanks_takes_no_time(tmp_path: Path) -> None:
    many = HEADER_LIMIT_BYTES - 100
    for filling in (b"{" * many, b"header offset =" + b" " * (many - 100) + b"x", b"\t" * many):
        path = tmp_path / "object"
        path.write_bytes(tar_of(("a", b"ENVI\n" + filling), ("b", b"1")))
        try:
            read_pair(path)
        except DamagedImage:
            continue
