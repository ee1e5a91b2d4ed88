import asyncio

import grpc
import numpy as np
import pytest

from earthgptx.imagery.display import DISPLAY_VERSION
from protos.earthgptx.v1 import geometry_pb2, image_encoder_pb2, image_encoder_pb2_grpc
from shared.errors import TensorGone
from shared.stage_clients import StageClients
from shared.tensors.ref import TensorRef
from tests.services.conftest import Suite
from tests.services.pictures import png

Request = image_encoder_pb2.EncodeImageRequest


def request_of(image: TensorRef, window: tuple[float, float, float] | None = None) -> Request:
    at = None
    if window is not None:
        at = geometry_pb2.Window(x0_px=window[0], y0_px=window[1], side_px=window[2])
    return Request(image=image.to_proto(), modality="MODALITY_OPTICAL", window=at)


def counts(suite: Suite) -> tuple[float, float, float]:
    stage = suite.stages["image_encoder"]
    cache = "earthgptx_image_encoder_cache_total"
    return (
        stage.metric("earthgptx_image_encoder_encodes_total"),
        stage.metric(cache, result="hit"),
        stage.metric(cache, result="miss"),
    )


async def test_a_second_question_about_a_window_encodes_nothing(
    suite: Suite, clients: StageClients
) -> None:
    request = request_of(suite.put_image(png(seed=1)))
    before = counts(suite)
    first = await clients.image_encoder.EncodeImage(request)
    second = await clients.image_encoder.EncodeImage(request)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert first.encoded == second.encoded
    assert np.subtract(counts(suite), before).tolist() == [1, 1, 1]


async def test_features_are_finite_and_describe_the_whole_padded_image(
    suite: Suite, clients: StageClients
) -> None:
    request = request_of(suite.put_image(png(96, 64, seed=2)))
    encoded = (await clients.image_encoder.EncodeImage(request)).encoded
    assert (encoded.image_width_px, encoded.image_height_px) == (96, 64)
    assert encoded.window == geometry_pb2.Window(x0_px=0, y0_px=-16, side_px=96)
    assert encoded.modality == geometry_pb2.MODALITY_OPTICAL
    assert encoded.version.partition("/")[2].endswith(f"-display-{DISPLAY_VERSION}")
    for message in (encoded.grid, *encoded.pyramid):
        ref = TensorRef.from_proto(message)
        values = suite.store.get(ref, tenant="alpha").to_numpy()
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


async def test_equal_requests_at_the_same_time_encode_once(
    suite: Suite, clients: StageClients
) -> None:
    request = request_of(suite.put_image(png(seed=3)))
    before = counts(suite)
    answers = await asyncio.gather(*(clients.image_encoder.EncodeImage(request) for _ in range(6)))
    assert counts(suite)[0] - before[0] == 1
    assert sum(not answer.from_cache for answer in answers) == 1
    assert len({answer.encoded.grid.key for answer in answers}) == 1


async def test_another_window_or_modality_is_encoded_for_itself(
    suite: Suite, clients: StageClients
) -> None:
    image = suite.put_image(png(seed=4))
    requests = [request_of(image), request_of(image, (0, 0, 48)), request_of(image, (8, 8, 48))]
    requests.append(Request(image=image.to_proto()))
    before = counts(suite)
    for request in requests:
        assert not (await clients.image_encoder.EncodeImage(request)).from_cache
    assert counts(suite)[0] - before[0] == 4


async def test_another_tenant_with_the_same_file_shares_nothing(
    suite: Suite, clients: StageClients
) -> None:
    file = png(seed=5)
    first = await clients.image_encoder.EncodeImage(request_of(suite.put_image(file, "alpha")))
    second = await clients.image_encoder.EncodeImage(request_of(suite.put_image(file, "beta")))
    assert not second.from_cache
    assert first.encoded.grid.tenant == "alpha"
    assert second.encoded.grid.tenant == "beta"


async def test_an_image_that_has_gone_is_a_gone_tensor(suite: Suite, clients: StageClients) -> None:
    image = suite.put_image(png(seed=77))
    for path in suite.objects_folder.rglob("*"):
        if path.is_file() and image.digest.split(":")[1] in path.name:
            path.unlink()
    with pytest.raises(TensorGone):
        await clients.image_encoder.EncodeImage(request_of(image))


async def test_a_caller_outside_the_suite_is_refused(suite: Suite) -> None:
    target = suite.stages["image_encoder"].target
    async with grpc.aio.insecure_channel(target) as channel:
        stub = image_encoder_pb2_grpc.ImageEncoderStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.EncodeImage(Request())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
