"""What the image encoder refuses, how it says so, and that it goes on."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from protos.earthgptx.v1 import geometry_pb2
from protos.earthgptx.v1.image_encoder_pb2 import EncodeImageRequest
from shared.errors import InvalidInput, TensorGone, TensorRefused
from shared.stage_clients import StageClients
from shared.tensors.ref import TensorRef
from tests.services.bad_files import BAD_FILES, ODD_FILES
from tests.services.conftest import Suite
from tests.services.pictures import png
from tests.services.refusals import check_idle, refused


def request_of(image: TensorRef, **fields: Any) -> EncodeImageRequest:
    return EncodeImageRequest(image=image.to_proto(), **fields)


async def goes_on(suite: Suite, clients: StageClients) -> None:
    """The next request is fine and nothing of the one before is left."""
    await clients.image_encoder.EncodeImage(request_of(suite.put_image(png(seed=1))))
    await check_idle(suite.stages["image_encoder"])


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_is_refused(suite: Suite, clients: StageClients, name: str) -> None:
    bad = BAD_FILES[name]
    call = clients.image_encoder.EncodeImage(request_of(suite.put_image(bad.data)))
    error = await refused(call, InvalidInput, "image", bad.limit)
    assert bad.says in error.message
    await goes_on(suite, clients)


@pytest.mark.parametrize("name", ODD_FILES)
async def test_an_odd_file_is_encoded(suite: Suite, clients: StageClients, name: str) -> None:
    data, note = ODD_FILES[name]
    answer = await clients.image_encoder.EncodeImage(request_of(suite.put_image(data)))
    assert note in answer.encoded.band_note


@pytest.mark.parametrize("modality", [2, 3], ids=["sar", "infrared"])
@pytest.mark.parametrize(
    ("data", "limit"), [(ODD_FILES["8 bands"][0], "4 bands"), (png(), "grey")], ids=["8", "RGB"]
)
async def test_a_wrong_modality_is_refused(
    suite: Suite, clients: StageClients, modality: int, data: bytes, limit: str
) -> None:
    request = request_of(suite.put_image(data), modality=modality)
    await refused(clients.image_encoder.EncodeImage(request), InvalidInput, "modality", limit)
    await goes_on(suite, clients)


WINDOWS: dict[str, tuple[tuple[float, float, float], str, str]] = {
    "no side": ((0, 0, 0), "window.side_px", "above 0 px"),
    "a negative side": ((0, 0, -5), "window.side_px", "above 0 px"),
    "not a number": ((float("nan"), 0, 10), "window", "finite numbers"),
    "endless": ((0, float("inf"), 10), "window", "finite numbers"),
    "outside": ((500, 500, 20), "window", "96 x 64 px"),
    "huge": ((0, 0, 1e6), "window.side_px", "between 1 and 192"),
}


@pytest.mark.parametrize("name", WINDOWS)
async def test_a_window_that_cannot_be_used_is_refused(
    suite: Suite, clients: StageClients, name: str
) -> None:
    (x0_px, y0_px, side_px), field, limit = WINDOWS[name]
    window = geometry_pb2.Window(x0_px=x0_px, y0_px=y0_px, side_px=side_px)
    request = request_of(suite.put_image(png()), window=window)
    await refused(clients.image_encoder.EncodeImage(request), InvalidInput, field, limit)
    await goes_on(suite, clients)


async def test_a_request_without_an_image_or_of_an_unknown_modality_is_refused(
    suite: Suite, clients: StageClients
) -> None:
    call = clients.image_encoder.EncodeImage(EncodeImageRequest())
    await refused(call, InvalidInput, "image", "the ref of an image file")
    call = clients.image_encoder.EncodeImage(request_of(suite.put_image(png()), modality=9))
    await refused(call, InvalidInput, "modality", "0 to 3")
    await goes_on(suite, clients)


TAMPERED: dict[str, dict[str, Any]] = {
    "of another tenant": {"tenant": "beta"},
    "of another file": {"digest": "sha256:" + "0" * 64},
    "of another size": {"size_bytes": 1},
    "of another shape": {"shape": (1,)},
    "of another key": {"key": "other"},
    "unsigned": {"signature": b"\0" * 32},
    "made to live for ever": {"expires_at_ms": 0},
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_tampered_ref_is_refused_even_if_its_features_are_cached(
    suite: Suite, clients: StageClients, name: str
) -> None:
    image = suite.put_image(png(seed=1))
    await clients.image_encoder.EncodeImage(request_of(image))
    tampered = dataclasses.replace(image, **TAMPERED[name])
    with pytest.raises(TensorRefused):
        await clients.image_encoder.EncodeImage(request_of(tampered))
    await goes_on(suite, clients)


async def test_an_expired_ref_is_a_gone_tensor(suite: Suite, clients: StageClients) -> None:
    image = suite.put_image(png(seed=78), ttl_s=0.3)
    await asyncio.sleep(0.5)
    with pytest.raises(TensorGone):
        await clients.image_encoder.EncodeImage(request_of(image))
    await goes_on(suite, clients)
