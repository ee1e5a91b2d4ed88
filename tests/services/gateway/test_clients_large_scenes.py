"""Large scenes from the client's side: real gateway, real object stores, a workflow at the end."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from earthgptx_client import Client, ClientError, large_files
from earthgptx_client.large_files import PartsUpload
from services.gateway.unfinished_uploads import PART_BYTES
from tests.earthgptx_client.running_command import run_command
from tests.fakes import Stages
from tests.servers import S3Endpoint, free_port, swift_s3
from tests.services.gateway.conftest import KEYS, GatewayServer, StartGateway
from tests.services.scenes import PLACE, SIDE_PX, noisy_scene, sparse_scene
from tests.services.stage_processes import StageProcess

PLAN = """\
workflow: ships-of-a-large-scene
inputs: {scene: scene}
steps:
  - {id: tiles, task: tile, with: {scene: $scene, side_px: 2048, overlap_px: 0, at_most: 99}}
  - {id: seen, task: detect, for_each: $tiles, with: {image: $item, labels: [ship]}}
  - {id: ships, task: merge, with: {regions: $seen}}
  - {id: map, task: export_geojson, with: {regions: $ships}}
outputs: {number: $ships.count, map: $map}
"""


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Endpoint]:
    with swift_s3() as endpoint:
        yield endpoint


def client_of(gateway: GatewayServer, tenant: str = "alpha") -> Client:
    return Client(f"127.0.0.1:{gateway.port}", KEYS[tenant], timeout_s=20)


async def upload(gateway: GatewayServer, path: Path, **options: Any) -> Any:
    def work() -> Any:
        with client_of(gateway) as client:
            return client.upload(path, **options)

    return await asyncio.to_thread(work)


def id_of(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_scene_with_too_many_pixels_for_an_image_goes_by_parts(
    gateway: GatewayServer, tmp_path: Path
) -> None:
    path = sparse_scene(tmp_path / "a.tif")
    told: list[tuple[int, int]] = []
    found = await upload(gateway, path, on_sent=lambda *sent: told.append(sent))
    assert (found.image_id, found.width_px, found.by_window) == (id_of(path), SIDE_PX, True)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    told.clear()
    assert await upload(gateway, path, on_sent=lambda *sent: told.append(sent)) == found
    assert told == []


async def test_what_was_sent_before_is_not_sent_again(
    gateway: GatewayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_files, "IMAGE_LIMIT_BYTES", 1_000_000)
    path = noisy_scene(tmp_path / "a.tif")
    size_bytes = path.stat().st_size

    def interrupt(sent_bytes: int, all_bytes: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        await upload(gateway, path, on_sent=interrupt)
    told: list[tuple[int, int]] = []
    found = await upload(gateway, path, on_sent=lambda *sent: told.append(sent))
    assert found.image_id == id_of(path)
    assert told == [(size_bytes, size_bytes)]


async def test_a_jpeg_2000_is_a_scene_however_small(gateway: GatewayServer, tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    profile: Any = {"driver": "JP2OpenJPEG", "width": 64, "height": 64, "count": 1} | PLACE
    with rasterio.open(path, "w", dtype="uint8", **profile) as dataset:
        dataset.write(np.arange(64 * 64, dtype=np.uint8).reshape(1, 64, 64))
    found = await upload(gateway, path)
    assert (found.format, found.by_window) == ("JP2OpenJPEG", True)


async def test_a_damaged_file_is_refused_in_the_gateways_words(
    gateway: GatewayServer, tmp_path: Path
) -> None:
    path = noisy_scene(tmp_path / "a.tif", side_px=600)
    path.write_bytes(path.read_bytes()[:300_000])
    with pytest.raises(ClientError, match="cut short") as refused:
        await upload(gateway, path)
    assert (refused.value.code, refused.value.field) == ("INVALID_INPUT", "image")


@pytest.mark.parametrize("reachable", [True, False])
async def test_parts_go_to_the_object_store_itself_where_it_can_be_reached(
    start_gateway: StartGateway,
    s3: S3Endpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reachable: bool,
) -> None:
    sent: list[int] = []
    send = PartsUpload._send

    def counted(self: PartsUpload, upload_id: str, number: int, data: bytes) -> None:
        sent.append(number)
        send(self, upload_id, number, data)

    monkeypatch.setattr(PartsUpload, "_send", counted)
    monkeypatch.setattr(large_files, "IMAGE_LIMIT_BYTES", 1_000_000)
    elsewhere = f"http://127.0.0.1:{free_port()}/{s3.bucket}"
    gateway = await start_gateway(
        object_store_url=s3.url,
        object_store_public_url=s3.url if reachable else elsewhere,
        object_store_access_key=s3.access_key,
        object_store_secret_key=s3.secret_key,
    )
    path = noisy_scene(tmp_path / "a.tif", side_px=3000 + reachable)
    assert path.stat().st_size > PART_BYTES
    assert (await upload(gateway, path)).image_id == id_of(path)
    assert sent == ([] if reachable else [1, 2])


async def run_by_command(gateway: GatewayServer, folder: Path, scene: Path) -> dict[str, Any]:
    """What `PLAN` gives for a scene, from the command line; files go to `folder`/out."""
    (folder / "ships.yaml").write_text(PLAN)
    arguments = [
        *("workflow", "run", folder / "ships.yaml", "--json"),
        *("--input", f"scene={scene}", "--out", folder / "out"),
    ]
    environment = {
        "EARTHGPTX_ADDRESS": f"127.0.0.1:{gateway.port}",
        "EARTHGPTX_API_KEY": KEYS["alpha"],
    }
    ran = await asyncio.to_thread(run_command, arguments, environment)
    assert ran.code == 0, ran.err
    outputs: dict[str, Any] = json.loads(ran.out)["outputs"]
    return outputs


@pytest.mark.timeout(90)
async def test_a_workflow_runs_over_a_large_scene_from_the_command_line(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages, tmp_path: Path
) -> None:
    outputs = await run_by_command(gateway, tmp_path, sparse_scene(tmp_path / "large.tif"))
    assert outputs["number"] == 2
    (map_file,) = (tmp_path / "out").rglob("*.geojson")
    features = json.loads(map_file.read_text())["features"]
    # One of 36 tiles has data, and the fakes see two ships in it.
    assert len(features) == 2 and stages.calls["Generate"] == 1
    boxes = sorted(each["properties"]["box_xyxy_px"] for each in features)
    assert boxes[0][:2] == pytest.approx([0.1 * 2048, 2048 + 0.2 * 2048])
    east, north = features[0]["geometry"]["coordinates"][0][0]
    assert 2.9 < east < 3.1 and 41.4 < north < 41.6
