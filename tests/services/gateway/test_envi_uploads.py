"""ENVI scenes through a real gateway: two files, sent as one by naming either."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from earthgptx_client import ClientError
from earthgptx_client.commands.run_inputs import read_inputs
from earthgptx_client.events import ImageInfo, image_info
from earthgptx_client.image_files import readable_again, size_bytes
from protos.earthgptx.v1 import images_pb2
from services.gateway.unfinished_uploads import PART_BYTES
from shared.errors import InvalidInput, NotFound
from tests.earthgptx.scenes.test_envi_pair import linked, tar_of
from tests.fakes import Stages
from tests.services.gateway.conftest import Caller, GatewayServer, refusal
from tests.services.gateway.test_clients_large_scenes import Interrupted, run_by_command, upload
from tests.services.gateway.test_large_uploads import complete, send_whole, state
from tests.services.pictures import png
from tests.services.scenes import PLACE
from tests.services.stage_processes import StageProcess

SIDE_PX = 2100


def envi(raw: Path, side_px: int = 300) -> Path:
    """Noise of two bytes a pixel in three bands; the header is beside it."""
    noise = np.random.default_rng(3).integers(1, 4_000, (3, side_px, side_px)).astype(np.uint16)
    profile: dict[str, Any] = {"driver": "ENVI", "width": side_px, "height": side_px, "count": 3}
    with rasterio.open(raw, "w", dtype="uint16", **profile | PLACE) as dataset:
        dataset.write(noise)
    return raw


async def test_either_half_stands_for_both(gateway: GatewayServer, tmp_path: Path) -> None:
    raw = envi(tmp_path / "port.img")
    told: list[tuple[int, int]] = []
    found = await upload(gateway, raw, on_sent=lambda *sent: told.append(sent))
    assert (found.format, found.by_window, found.width_px) == ("ENVI", True, 300)
    assert found.gsd_m == pytest.approx(0.5, rel=0.01) and found.crs == "EPSG:32631"
    assert told[-1] == (found.size_bytes, found.size_bytes)
    told.clear()
    assert await upload(gateway, raw.with_suffix(".hdr")) == found
    # The id is of the content alone; and what is there is not sent again.
    (tmp_path / "elsewhere").mkdir()
    named = tmp_path / "elsewhere/other.img.hdr"
    shutil.copy(raw.with_suffix(".hdr"), named)
    shutil.copy(raw, named.with_suffix(""))
    assert await upload(gateway, named, on_sent=lambda *sent: told.append(sent)) == found
    assert told == []


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_a_tar_that_was_made_elsewhere_is_the_same_scene(
    gateway: GatewayServer, tmp_path: Path, form: int
) -> None:
    raw = envi(tmp_path / "port.img")
    # A name for which GNU and pax have records of their own.
    long = "n" * 120
    files = [(long, raw.with_suffix(".hdr").read_bytes()), (f"{long}.img", raw.read_bytes())]
    data = tar_of(*files, form=form)
    (tmp_path / "port.tar").write_bytes(data)
    for given in (tmp_path / "port.tar", data):
        found = await upload(gateway, given)
        assert found.image_id == "sha256:" + hashlib.sha256(data).hexdigest()
        assert (found.format, found.width_px) == ("ENVI", 300)


async def test_an_interrupted_pair_goes_on_with_what_is_missing(
    gateway: GatewayServer, tmp_path: Path
) -> None:
    raw = envi(tmp_path / "port.dat", SIDE_PX)
    sent_bytes = size_bytes(readable_again(raw))
    assert PART_BYTES < sent_bytes < 2 * PART_BYTES

    def interrupt(*sent: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        await upload(gateway, raw, on_sent=interrupt)
    told: list[tuple[int, int]] = []
    found = await upload(gateway, raw, on_sent=lambda *sent: told.append(sent))
    assert told == [(sent_bytes, sent_bytes)] and found.size_bytes == sent_bytes


async def test_a_lone_half_is_told_what_to_do(gateway: GatewayServer, tmp_path: Path) -> None:
    raw = envi(tmp_path / "port.img")
    header = raw.with_suffix(".hdr").rename(tmp_path / "away.hdr")
    for half, missing in ((raw, "port.hdr beside it"), (header, ".img or .dat; there is none")):
        with pytest.raises(ClientError) as told:
            await upload(gateway, half)
        assert (told.value.code, told.value.field) == ("INVALID_INPUT", "image")
        assert missing in str(told.value.limit)
    for suffix in (".img", ".dat"):
        shutil.copy(raw, tmp_path / f"away{suffix}")
    with pytest.raises(ClientError) as told:
        await upload(gateway, header)
    assert "there is away.dat, away.img" in str(told.value.limit)


async def test_lone_halves_of_other_programs_are_told_as_well(
    alpha: Caller, tmp_path: Path
) -> None:
    raw = envi(tmp_path / "port.img")
    for half, words in ((raw, "one TAR"), (raw.with_suffix(".hdr"), "tar -cf")):
        refused = await refusal(complete(alpha, await send_whole(alpha, half.read_bytes())))
        assert isinstance(refused, InvalidInput) and refused.field == "image"
        assert words in str(refused.limit)


@pytest.mark.parametrize("what", ["three", "link", "traversal", "short", "other"])
async def test_a_hostile_pair_is_refused_and_dropped(
    alpha: Caller, tmp_path: Path, what: str
) -> None:
    raw = envi(tmp_path / "port.img")
    header, pixels = raw.with_suffix(".hdr").read_bytes(), raw.read_bytes()
    data = {
        "three": tar_of(("a.hdr", header), ("a.img", pixels), ("a.sh", b"#!/bin/sh")),
        "link": linked(b"2"),
        "traversal": tar_of(("../../escaped.hdr", header), ("../../escaped.img", pixels[:-9])),
        "short": tar_of(("a.hdr", header.replace(b"= 300", b"= 3000")), ("a.img", pixels)),
        "other": tar_of(("a.hdr", b"ENVI\ndata file = /etc/passwd\n"), ("a.img", pixels)),
    }[what]
    upload = await send_whole(alpha, data)
    refused = await refusal(complete(alpha, upload))
    assert isinstance(refused, InvalidInput) and refused.field == "image" and refused.limit
    assert isinstance(await refusal(state(alpha, upload)), NotFound)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("escaped")]


def test_a_folder_stands_for_its_headers_but_not_for_those_of_images(tmp_path: Path) -> None:
    envi(tmp_path / "b.img")
    (tmp_path / "a.png").write_bytes(png())
    for name in ("a.hdr", "c.hdr"):
        shutil.copy(tmp_path / "b.hdr", tmp_path / name)
    (tmp_path / "c.hdr").write_bytes(b"#?RADIANCE")

    def kept(path: str) -> ImageInfo:
        return image_info(images_pb2.ImageInfo(image_id=Path(path).name))

    found = read_inputs([f"frames={tmp_path}"], {"frames": "list of scene"}, kept)
    assert found == {"frames": ["a.png", "b.hdr"]}


@pytest.mark.timeout(90)
async def test_a_workflow_runs_over_an_envi_scene_from_the_command_line(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages, tmp_path: Path
) -> None:
    raw = envi(tmp_path / "port.img", SIDE_PX)
    outputs = await run_by_command(gateway, tmp_path, raw.with_suffix(".hdr"))
    # Four tiles that nearly cover each other, and the fakes see the same two ships in each.
    assert outputs["number"] == 2 and stages.calls["Generate"] == 4
