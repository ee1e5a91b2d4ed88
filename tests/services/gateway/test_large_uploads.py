from __future__ import annotations

import hashlib
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from protos.earthgptx.v1 import images_pb2
from services.gateway.settings import GatewaySettings
from services.gateway.unfinished_uploads import PART_BYTES, UnfinishedUploads, UploadLimits
from shared.errors import Conflict, InvalidInput, NotFound, QueueFull, QuotaExceeded
from shared.settings import Secret, SettingsError, read_settings
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.objects import LONGEST_UPLOAD_S, ObjectStat
from shared.tensors.reaper import Reaper
from shared.tensors.s3_objects import connect_s3
from tests.earthgptx.imagery.files import tiff
from tests.fakes import addresses
from tests.servers import S3Endpoint, swift_s3
from tests.services.gateway.conftest import SUITE_KEY, Caller, GatewayServer, StartGateway, refusal
from tests.services.pictures import png
from tests.services.scenes import PLACE, SIDE_PX, noisy_scene, sparse_scene


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Endpoint]:
    with swift_s3() as endpoint:
        yield endpoint


async def begin(caller: Caller, size_bytes: int, key: str = "", name: str = "a.tif") -> Any:
    request = images_pb2.BeginUploadRequest(
        size_bytes=size_bytes, file_name=name, idempotency_key=key
    )
    return (await caller.images.BeginUpload(request, metadata=caller.metadata)).upload


async def send_part(caller: Caller, upload: Any, number: int, data: bytes) -> None:
    async def messages() -> AsyncIterator[Any]:
        header = images_pb2.PartHeader(upload_id=upload.upload_id, number=number)
        yield images_pb2.UploadPartRequest(header=header)
        for start in range(0, len(data), 1 << 20):
            yield images_pb2.UploadPartRequest(chunk=data[start : start + (1 << 20)])

    await caller.images.UploadPart(messages(), metadata=caller.metadata)


async def state(caller: Caller, upload: Any) -> Any:
    request = images_pb2.GetUploadRequest(upload_id=upload.upload_id)
    return (await caller.images.GetUpload(request, metadata=caller.metadata)).upload


async def complete(caller: Caller, upload: Any) -> Any:
    request = images_pb2.CompleteUploadRequest(upload_id=upload.upload_id)
    return (await caller.images.CompleteUpload(request, metadata=caller.metadata)).image


async def abort(caller: Caller, upload: Any) -> None:
    request = images_pb2.AbortUploadRequest(upload_id=upload.upload_id)
    await caller.images.AbortUpload(request, metadata=caller.metadata)


def part_of(data: bytes, number: int) -> bytes:
    return data[(number - 1) * PART_BYTES : number * PART_BYTES]


async def send_whole(caller: Caller, data: bytes) -> Any:
    upload = await begin(caller, len(data))
    for missing in upload.missing_parts:
        await send_part(caller, upload, missing.number, part_of(data, missing.number))
    return upload


async def test_a_scene_beyond_the_limits_of_images_is_kept_and_told_of(
    alpha: Caller, tmp_path: Path
) -> None:
    data = sparse_scene(tmp_path / "a.tif").read_bytes()
    assert (await refusal(alpha.upload(data))).limit == "100000000 px in all"
    image = await complete(alpha, await send_whole(alpha, data))
    assert image.image_id == "sha256:" + hashlib.sha256(data).hexdigest()
    assert (image.width_px, image.height_px, image.format) == (SIDE_PX, SIDE_PX, "GTiff")
    assert image.by_window and image.gsd_m == pytest.approx(0.5, rel=0.01)
    found = await alpha.images.GetImage(
        images_pb2.GetImageRequest(image_id=image.image_id), metadata=alpha.metadata
    )
    assert found.image == image


async def test_an_interrupted_upload_goes_on_with_what_is_missing(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    data = noisy_scene(tmp_path / "a.tif").read_bytes()
    first = (await start_gateway()).caller()
    upload = await begin(first, len(data), key="a key")
    assert [part.number for part in upload.missing_parts] == [1, 2]
    await send_part(first, upload, 2, part_of(data, 2))
    # Another gateway, another call: what is there is in the object store.
    second = (await start_gateway()).caller()
    again = await begin(second, len(data), key="a key")
    assert again.upload_id == upload.upload_id
    assert [part.number for part in again.missing_parts] == [1]
    refused = await refusal(complete(second, again))
    assert isinstance(refused, Conflict) and refused.limit == "2 parts"
    await send_part(second, again, 1, part_of(data, 1))
    image = await complete(second, again)
    assert image.image_id == "sha256:" + hashlib.sha256(data).hexdigest()
    assert (await complete(first, again)) == image
    assert (await state(first, again)).image_id == image.image_id
    assert not list((tmp_path / "objects/v1/alpha/parts").rglob("0*"))


async def test_a_store_with_no_room_for_the_file_twice_is_enough(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    data = noisy_scene(tmp_path / "a.tif").read_bytes()
    gateway = await start_gateway(object_store_limit_bytes=str(len(data) * 3 // 2))
    alpha = gateway.caller()
    image = await complete(alpha, await send_whole(alpha, data))
    assert image.image_id == "sha256:" + hashlib.sha256(data).hexdigest()
    refused = await refusal(send_whole(alpha, data))
    assert isinstance(refused, QueueFull)


async def test_another_tenants_upload_is_an_unknown_one(
    gateway: GatewayServer, alpha: Caller, tmp_path: Path
) -> None:
    beta = gateway.caller("beta")
    data = sparse_scene(tmp_path / "a.tif").read_bytes()
    upload = await begin(alpha, len(data), key="same")
    for call in (send_part(beta, upload, 1, data), state(beta, upload), complete(beta, upload)):
        assert isinstance(await refusal(call), NotFound)
    await abort(beta, upload)
    assert (await begin(beta, len(data) + 1, key="same")).size_bytes == len(data) + 1
    await send_part(alpha, upload, 1, data)
    image = await complete(alpha, upload)
    wanted = images_pb2.GetImageRequest(image_id=image.image_id)
    assert isinstance(await refusal(beta.images.GetImage(wanted, metadata=beta.metadata)), NotFound)


async def test_an_aborted_upload_leaves_nothing(alpha: Caller, tmp_path: Path) -> None:
    data = sparse_scene(tmp_path / "a.tif").read_bytes()
    upload = await send_whole(alpha, data)
    for _ in range(2):
        await abort(alpha, upload)
    assert isinstance(await refusal(state(alpha, upload)), NotFound)
    assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": 16 * 1024**3 + 1}, "size_bytes"),
        ({"size_bytes": 1, "name": "n" * 256}, "file_name"),
        ({"size_bytes": 1, "key": "k" * 129}, "idempotency_key"),
    ],
)
async def test_what_cannot_be_begun_is_refused_by_field_and_limit(
    alpha: Caller, fields: dict[str, Any], field: str
) -> None:
    refused = await refusal(begin(alpha, **fields))
    assert isinstance(refused, InvalidInput)
    assert refused.field == field and refused.limit


async def test_parts_are_refused_that_are_not_as_agreed(alpha: Caller) -> None:
    upload = await begin(alpha, PART_BYTES + 10)
    for number, data, field in (
        (3, b"", "header.number"),
        (0, b"a", "header.number"),
        (2, b"123", "chunk"),
        (2, b"1234567890a", "chunk"),
    ):
        refused = await refusal(send_part(alpha, upload, number, data))
        assert isinstance(refused, InvalidInput) and refused.field == field, (number, data)
    await begin(alpha, 5, key="a key")
    assert isinstance(await refusal(begin(alpha, 6, key="a key")), Conflict)


async def test_a_tenant_has_a_bounded_number_of_unfinished_uploads(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(max_unfinished_uploads_per_tenant="2")
    alpha = gateway.caller()
    first = await begin(alpha, 1)
    await begin(alpha, 1)
    refused = await refusal(begin(alpha, 1))
    assert isinstance(refused, QuotaExceeded) and refused.limit == "2 unfinished uploads"
    await begin(gateway.caller("beta"), 1)
    await abort(alpha, first)
    await begin(alpha, 1)


async def test_the_bytes_of_a_tenants_unfinished_uploads_are_bounded_till_they_end(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    data = sparse_scene(tmp_path / "a.tif").read_bytes()
    most_bytes = len(data) + 1000
    gateway = await start_gateway(
        max_scene_bytes=str(most_bytes), max_unfinished_upload_bytes_per_tenant=str(most_bytes)
    )
    alpha = gateway.caller()
    aborted = await begin(alpha, len(data), key="a key")
    refused = await refusal(begin(alpha, 1001))
    assert isinstance(refused, QuotaExceeded) and refused.field == "size_bytes"
    assert refused.limit == f"{most_bytes} bytes of unfinished uploads" and refused.retry_after_s
    # One gone on with counts once; another tenant's do not count.
    assert (await begin(alpha, len(data), key="a key")).upload_id == aborted.upload_id
    await begin(gateway.caller("beta"), most_bytes)
    await abort(alpha, await begin(alpha, 1000))
    await abort(alpha, aborted)
    await complete(alpha, await send_whole(alpha, data))
    await begin(alpha, most_bytes)


def test_bytes_of_an_upload_that_expired_are_free_again(tmp_path: Path) -> None:
    now_s = [time.time()]
    limits = UploadLimits(bytes_in_all=10, life_s=100)
    uploads = UnfinishedUploads(DirectoryObjects(tmp_path), limits, clock=lambda: now_s[0])
    uploads.begin("alpha", 7, "", "")
    with pytest.raises(QuotaExceeded):
        uploads.begin("alpha", 4, "", "")
    now_s[0] += 101
    uploads.begin("alpha", 10, "", "")


def test_a_bound_on_bytes_below_that_on_a_file_is_refused() -> None:
    bytes_in_all = {"EARTHGPTX_MAX_UNFINISHED_UPLOAD_BYTES_PER_TENANT": str(16 * 1024**3 - 1)}
    environ = {"EARTHGPTX_SUITE_KEY": SUITE_KEY, "EARTHGPTX_API_KEYS_FILE": "keys.json"}
    with pytest.raises(SettingsError, match="at least EARTHGPTX_MAX_SCENE_BYTES"):
        read_settings(GatewaySettings, addresses(1) | environ | bytes_in_all)


def cut_short(path: Path) -> bytes:
    data = noisy_scene(path, side_px=600).read_bytes()
    return data[: len(data) // 2]


def many_bands(path: Path) -> bytes:
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 200} | PLACE
    with rasterio.open(path, "w", dtype="uint8", **profile) as dataset:
        dataset.write(np.ones((200, 64, 64), np.uint8))
    return path.read_bytes()


def half_written(path: Path) -> bytes:
    return sparse_scene(path, nodata=None).read_bytes()


def absurd_pixels(path: Path) -> bytes:
    place = Affine(0.0001, 0, 500_000, 0, -0.0001, 4_600_000)
    return sparse_scene(path, transform=place).read_bytes()


def all_nodata(path: Path) -> bytes:
    return tiff(np.zeros((3, 64, 64), np.uint8), nodata=0)


def undeclared_nan(path: Path) -> bytes:
    values = np.ones((1, 64, 64), np.float32)
    values[0, 5, 5] = np.nan
    return tiff(values)


def pointing_elsewhere(path: Path) -> bytes:
    return b'<VRTDataset rasterXSize="9" rasterYSize="9"><SourceFilename>/vsicurl/http://a/b'


@pytest.mark.parametrize(
    "make",
    [
        cut_short,
        many_bands,
        half_written,
        absurd_pixels,
        all_nodata,
        undeclared_nan,
        pointing_elsewhere,
        lambda path: png(),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_and_dropped(
    alpha: Caller, tmp_path: Path, make: Any
) -> None:
    upload = await send_whole(alpha, make(tmp_path / "scene.tif"))
    refused = await refusal(complete(alpha, upload))
    assert isinstance(refused, InvalidInput), refused
    assert refused.field in ("image", "bands") and refused.limit
    assert isinstance(await refusal(state(alpha, upload)), NotFound)


async def test_a_single_question_about_a_large_scene_is_refused(
    alpha: Caller, tmp_path: Path
) -> None:
    image = await complete(
        alpha, await send_whole(alpha, sparse_scene(tmp_path / "a.tif").read_bytes())
    )
    refused = await refusal(alpha.answer(image_id=image.image_id, question="what is it?"))
    assert isinstance(refused, InvalidInput) and refused.field == "image_id"


def test_what_nobody_finishes_is_swept_away(tmp_path: Path) -> None:
    now_s = time.time()
    objects = DirectoryObjects(tmp_path)
    uploads = UnfinishedUploads(objects, UploadLimits(life_s=100), clock=lambda: now_s)
    upload = uploads.begin("alpha", 4, "", "")
    uploads.write_part(upload, 1, memoryview(b"1234"))
    assert Reaper(objects).run_once(now_s + 90).objects == 0
    assert Reaper(objects).run_once(now_s + 200).objects == 2
    assert list(objects.names()) == []


async def test_parts_go_to_an_s3_store_by_presigned_urls(
    start_gateway: StartGateway, s3: S3Endpoint, tmp_path: Path
) -> None:
    data = noisy_scene(tmp_path / "a.tif").read_bytes()
    gateway = await start_gateway(
        object_store_url=s3.url,
        object_store_public_url=s3.url,
        object_store_access_key=s3.access_key,
        object_store_secret_key=s3.secret_key,
    )
    alpha = gateway.caller()
    upload = await begin(alpha, len(data))
    for part in upload.missing_parts:
        content = part_of(data, part.number)[: 100 if part.number == 1 else None]
        put(part.url, content)
    # What came short is missing still, and is sent through the gateway this time.
    upload = await state(alpha, upload)
    assert [part.number for part in upload.missing_parts] == [1]
    await send_part(alpha, upload, 1, part_of(data, 1))
    image = await complete(alpha, upload)
    assert image.image_id == "sha256:" + hashlib.sha256(data).hexdigest()
    objects = connect_s3(s3.url, s3.access_key, Secret(s3.secret_key))
    name = f"v1/alpha/images/{image.image_id.removeprefix('sha256:')}"
    assert set(objects.names()) == {
        name,
        name + ".json",
        f"v1/alpha/uploads/{upload.upload_id}.json",
    }
    assert bytes(objects.read_range(name, 1000, 50)) == data[1000:1050]
    assert bytes(objects.read_range(name, len(data) - 7, 50)) == data[-7:]


def test_what_came_by_a_url_expires_like_an_upload(s3: S3Endpoint) -> None:
    secret = Secret(s3.secret_key)
    objects = connect_s3(s3.url, s3.access_key, secret, public_url=s3.url)
    for name in ("v1/alpha/parts/00/000001", "v1/alpha/images/00"):
        put(objects.url_to_write(name, 60), b"1234")
        found = objects.stat(name)
        assert found is not None
        if "parts" in name:
            latest_ms = (time.time() + LONGEST_UPLOAD_S) * 1000
            assert latest_ms - 60_000 < found.expires_at_ms < latest_ms + 60_000
        else:
            assert found.expires_at_ms == 0
        objects.delete(name)


def test_a_file_larger_than_one_request_is_kept_in_s3(s3: S3Endpoint, tmp_path: Path) -> None:
    objects = connect_s3(s3.url, s3.access_key, Secret(s3.secret_key))
    path, size_bytes = tmp_path / "large", 70 * 1024 * 1024
    with path.open("wb") as file:
        file.truncate(size_bytes - 4)
        file.seek(size_bytes - 4)
        file.write(b"last")
    objects.write_file("v1/alpha/images/00", path, 5_000)
    assert objects.stat("v1/alpha/images/00") == ObjectStat(size_bytes, 5_000)
    assert bytes(objects.read_range("v1/alpha/images/00", size_bytes - 6, 99)) == b"\0\0last"
    objects.delete("v1/alpha/images/00")


def put(url: str, data: bytes) -> None:
    request = urllib.request.Request(url, data=data, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 200


def test_noise_is_more_than_a_part(tmp_path: Path) -> None:
    """What the tests above stand on."""
    size_bytes = noisy_scene(tmp_path / "a.tif").stat().st_size
    assert PART_BYTES < size_bytes < 2 * PART_BYTES
    assert np.prod((SIDE_PX, SIDE_PX)) > 100_000_000
