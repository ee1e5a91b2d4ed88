from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from protos.earthgptx.v1 import images_pb2
from shared.errors import InvalidInput, NotFound, QueueFull, QuotaExceeded, Unauthenticated
from tests.services.gateway.conftest import Caller, GatewayServer, StartGateway, refusal
from tests.services.pictures import png


def geotiff(bands: int = 4, dtype: str = "uint16") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 200, (bands, 64, 96)).astype(dtype)
    with MemoryFile() as memory:
        profile = {"driver": "GTiff", "width": 96, "height": 64, "count": bands, "dtype": dtype}
        place = {"crs": "EPSG:32631", "transform": Affine(2, 0, 500_000, 0, -2, 4_600_000)}
        with memory.open(**profile, **place) as dataset:
            dataset.write(pixels)
        return bytes(memory.read())


def bomb(width_px: int, height_px: int) -> bytes:
    """A PNG whose header promises that many pixels; the rest is rubbish."""

    def part(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = part(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", bytes(1_000_000))


async def test_an_image_is_known_by_its_content(alpha: Caller) -> None:
    file = png()
    first = await alpha.upload(file)
    again = await alpha.upload(file, announced=len(file), chunk=1000)
    assert first.image_id == again.image_id == "sha256:" + hashlib.sha256(file).hexdigest()
    assert (first.width_px, first.height_px, first.band_count) == (96, 64, 3)
    assert (first.format, first.band_dtype, first.crs) == ("PNG", "uint8", "")
    assert first.expires_at_ms > 0


async def test_a_georeferenced_image_says_where_it_is(alpha: Caller) -> None:
    image = await alpha.upload(geotiff())
    assert (image.format, image.crs, image.band_count) == ("GTiff", "EPSG:32631", 4)
    assert image.gsd_m == pytest.approx(2, rel=0.01)
    request = images_pb2.GetImageRequest(image_id=image.image_id)
    assert (await alpha.images.GetImage(request, metadata=alpha.metadata)).image == image


async def test_another_tenants_image_is_an_unknown_one(
    alpha: Caller, gateway: GatewayServer, image_id: str
) -> None:
    beta = gateway.caller("beta")
    errors = []
    for asked in (image_id, "sha256:" + "0" * 64, "nonsense", ""):
        request = images_pb2.GetImageRequest(image_id=asked)
        errors.append(await refusal(beta.images.GetImage(request, metadata=beta.metadata)))
    assert {type(error) for error in errors} == {NotFound}
    assert len({(error.message, error.field) for error in errors}) == 1
    delete = images_pb2.DeleteImageRequest(image_id=image_id)
    await beta.images.DeleteImage(delete, metadata=beta.metadata)
    request = images_pb2.GetImageRequest(image_id=image_id)
    await alpha.images.GetImage(request, metadata=alpha.metadata)


async def test_a_deleted_image_is_gone_and_may_be_deleted_again(
    alpha: Caller, image_id: str
) -> None:
    delete = images_pb2.DeleteImageRequest(image_id=image_id)
    await alpha.images.DeleteImage(delete, metadata=alpha.metadata)
    await alpha.images.DeleteImage(delete, metadata=alpha.metadata)
    request = images_pb2.GetImageRequest(image_id=image_id)
    error = await refusal(alpha.images.GetImage(request, metadata=alpha.metadata))
    assert isinstance(error, NotFound)


@pytest.mark.parametrize("key", ["", "wrong"])
async def test_without_a_known_key_nothing_is_done(gateway: GatewayServer, key: str) -> None:
    stranger = gateway.caller(None, key)
    assert isinstance(await refusal(stranger.upload(png())), Unauthenticated)
    assert isinstance(await refusal(stranger.answer(question="?")), Unauthenticated)


async def test_an_upload_of_nothing_is_refused(alpha: Caller) -> None:
    error = await refusal(alpha.upload(b""))
    assert (type(error), error.field, error.limit) == (InvalidInput, "image", "at least 1 byte")


async def endless(beginning: bytes, sent: list[int]) -> AsyncIterator[Any]:
    yield images_pb2.UploadImageRequest(header=images_pb2.UploadHeader())
    yield images_pb2.UploadImageRequest(chunk=beginning)
    while True:
        sent.append(1)
        yield images_pb2.UploadImageRequest(chunk=bytes(65536))
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("beginning", [bomb(30_000, 30_000)[:65536], bytes(65536)])
async def test_a_hopeless_upload_is_refused_by_its_first_bytes(
    alpha: Caller, beginning: bytes
) -> None:
    sent: list[int] = []
    assert isinstance(await refusal(alpha.send(endless(beginning, sent))), InvalidInput)
    assert len(sent) < 20


async def one_by_one(*parts: Any) -> AsyncIterator[Any]:
    for part in parts:
        yield images_pb2.UploadImageRequest(**part)


async def test_chunks_must_come_as_agreed(alpha: Caller) -> None:
    header, chunk = {"header": images_pb2.UploadHeader()}, {"chunk": png()}
    twice = await refusal(alpha.send(one_by_one(header, chunk, header)))
    assert (type(twice), twice.field) == (InvalidInput, "header")
    missing = await refusal(alpha.send(one_by_one(chunk)))
    assert (type(missing), missing.field) == (InvalidInput, "header")
    large = await refusal(alpha.send(one_by_one(header, {"chunk": bytes(1024 * 1024 + 1)})))
    assert (type(large), large.field, large.limit) == (InvalidInput, "chunk", "1048576 bytes")


async def test_the_announced_size_is_held_to(alpha: Caller) -> None:
    file = png()
    less = await refusal(alpha.upload(file, announced=len(file) + 1))
    assert (type(less), less.field) == (InvalidInput, "header.size_bytes")
    more = await refusal(alpha.upload(file, announced=len(file) - 1))
    assert (type(more), more.field) == (InvalidInput, "chunk")
    huge = await refusal(alpha.upload(file, announced=257 * 1024 * 1024))
    assert (type(huge), huge.field) == (InvalidInput, "header.size_bytes")


async def test_a_tenant_has_so_many_uploads_at_once(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_uploads_per_tenant="1")
    alpha = gateway.caller("alpha")
    sent: list[int] = []
    slow = asyncio.ensure_future(alpha.send(endless(png()[:2000], sent)))
    while not sent:
        await asyncio.sleep(0.01)
    error = await refusal(alpha.upload(png()))
    assert isinstance(error, QuotaExceeded) and error.retry_after_s
    await gateway.caller("beta").upload(png())
    slow.cancel()
    await asyncio.sleep(0.1)
    await alpha.upload(png())


async def test_uploads_hold_so_much_memory_at_once(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(upload_memory_limit_bytes="10000")
    error = await refusal(gateway.caller().upload(png(), chunk=4096))
    assert isinstance(error, QueueFull) and error.retry_after_s
    small = png(8, 8)
    for _ in range(3):
        await gateway.caller().upload(small)
