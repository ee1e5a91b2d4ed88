"""What the mask decoder refuses, how it says so, and that it goes on."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pytest

from protos.earthgptx.v1 import geometry_pb2
from protos.earthgptx.v1.mask_decoder_pb2 import DecodeMasksRequest, MaskQuery
from protos.earthgptx.v1.tensor_pb2 import TensorRef
from shared.errors import InvalidInput, TensorGone, TensorRefused
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from tests.services.conftest import Suite
from tests.services.encoded import encode_image, encode_marks, expired, forged, not_finite
from tests.services.refusals import check_idle, refused

Change = Callable[[DecodeMasksRequest], None]


def state(suite: Suite, values: np.ndarray, tenant: str = "alpha") -> TensorRef:
    tensor = HostTensor.from_numpy(values.astype(np.float32))
    return suite.store.put(tensor, tenant=tenant, ttl_s=60).to_proto()


async def fine(suite: Suite, clients: StageClients) -> DecodeMasksRequest:
    return DecodeMasksRequest(
        image=await encode_image(suite, clients),
        prompts=await encode_marks(clients),
        queries=[MaskQuery(region_index=0)],
    )


async def goes_on(suite: Suite, clients: StageClients) -> None:
    """The next request is fine and nothing of the one before is left."""
    await clients.mask_decoder.DecodeMasks(await fine(suite, clients))
    await check_idle(suite.stages["mask_decoder"])


def asks(*queries: MaskQuery) -> Change:
    def change(request: DecodeMasksRequest) -> None:
        del request.queries[:]
        request.queries.extend(queries)

    return change


def is_of_size(width_px: int, height_px: int) -> Change:
    def change(request: DecodeMasksRequest) -> None:
        request.image.image_width_px, request.image.image_height_px = width_px, height_px

    return change


def looks_at(x0_px: float, side_px: float) -> Change:
    def change(request: DecodeMasksRequest) -> None:
        request.image.window.CopyFrom(geometry_pb2.Window(x0_px=x0_px, side_px=side_px))

    return change


def clicked(*clicks: tuple[float, float]) -> MaskQuery:
    points = [geometry_pb2.Point(x_px=x, y_px=y) for x, y in clicks]
    return MaskQuery(region_index=0, clicks=points)


QUERY = MaskQuery(region_index=0)
BAD_REQUESTS: dict[str, tuple[Change, str, str]] = {
    "no query": (asks(), "queries", "1 to 64 queries"),
    "65 queries": (asks(*[QUERY] * 65), "queries", "1 to 64 queries"),
    "an empty query": (asks(QUERY, MaskQuery()), "queries[1]", "a state or a region"),
    "a region too many": (asks(MaskQuery(region_index=2)), "queries[0].region_index", "0 to 1"),
    "region -1": (asks(MaskQuery(region_index=-1)), "queries[0].region_index", "0 to 1"),
    "65 clicks": (asks(clicked(*[(1, 1)] * 65)), "queries[0].clicks", "64 clicks"),
    "a click nowhere": (
        asks(QUERY, clicked((1, float("nan")))),
        "queries[1].clicks",
        "finite numbers",
    ),
    "no prompts": (lambda r: r.ClearField("prompts"), "queries[0].region_index", "needs prompts"),
    "no image": (lambda r: r.ClearField("image"), "image", "EncodeImage"),
    "no grid": (lambda r: r.image.ClearField("grid"), "image", "EncodeImage"),
    "no window": (lambda r: r.image.ClearField("window"), "image.window", "EncodeImage"),
    "0 x 0 image": (is_of_size(0, 0), "image.image_width_px", "1 to 30000 px"),
    "12000 x 12000 image": (is_of_size(12_000, 12_000), "image.image_width_px", "100000000 px"),
    "a window of no number": (looks_at(float("nan"), 9), "image.window", "finite numbers"),
    "a window outside": (looks_at(500, 9), "image.window", "96 x 64 px"),
    "a huge window": (looks_at(0, 1e6), "image.window.side_px", "between 1 and 192"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_bad_request_is_refused_and_the_next_is_fine(
    suite: Suite, clients: StageClients, name: str
) -> None:
    change, field, limit = BAD_REQUESTS[name]
    request = await fine(suite, clients)
    change(request)
    await refused(clients.mask_decoder.DecodeMasks(request), InvalidInput, field, limit)
    await goes_on(suite, clients)


async def test_states_and_features_that_are_not_as_they_should_be_are_refused(
    suite: Suite, clients: StageClients
) -> None:
    decode = clients.mask_decoder.DecodeMasks
    request = await fine(suite, clients)
    asks(MaskQuery(seg_state=state(suite, np.zeros(7))))(request)
    await refused(decode(request), InvalidInput, "queries[0].seg_state", "f32 or bf16 [")
    request = await fine(suite, clients)
    width = request.prompts.region_tokens.shape[1]
    asks(MaskQuery(seg_state=state(suite, np.full(width, np.nan))))(request)
    await refused(decode(request), InvalidInput, "queries[0].seg_state", "finite values")
    request = await fine(suite, clients)
    level = request.image.pyramid[1]
    level.CopyFrom(not_finite(suite, level, float("inf")))
    await refused(decode(request), InvalidInput, "image.pyramid[1]", "finite values")
    await goes_on(suite, clients)


async def test_gaps_that_are_not_of_the_window_are_refused(
    suite: Suite, clients: StageClients
) -> None:
    decode = clients.mask_decoder.DecodeMasks
    bomb = zlib.compress(bytes(100_000_000))
    deflated = "768 bytes, deflated"
    for wrong, limit in (
        (np.frombuffer(zlib.compress(bytes(63 * 12)), np.uint8), deflated),
        (np.frombuffer(bomb, np.uint8), deflated),
        (np.frombuffer(b"no zlib", np.uint8), deflated),
        (np.zeros((64, 12), np.uint8), "u8 ["),
        (np.zeros(64, np.float32), "u8 ["),
    ):
        request = await fine(suite, clients)
        gaps = suite.store.put(HostTensor.from_numpy(wrong), tenant="alpha", ttl_s=60)
        request.image.gaps.CopyFrom(gaps.to_proto())
        await refused(decode(request), InvalidInput, "image.gaps", limit)
    await goes_on(suite, clients)


async def test_tensors_of_another_tenant_forged_or_gone_are_refused(
    suite: Suite, clients: StageClients
) -> None:
    decode = clients.mask_decoder.DecodeMasks
    request = await fine(suite, clients)
    width = request.prompts.region_tokens.shape[1]
    asks(MaskQuery(seg_state=state(suite, np.zeros(width), "beta")))(request)
    await refused(decode(request), TensorRefused, "tenant", "one tenant")
    request = await fine(suite, clients)
    request.prompts.CopyFrom(await encode_marks(clients, "beta"))
    await refused(decode(request), TensorRefused, "tenant", "one tenant")
    request = await fine(suite, clients)
    request.image.grid.CopyFrom(forged(request.image.grid))
    with pytest.raises(TensorRefused):
        await decode(request)
    request = await fine(suite, clients)
    request.image.grid.CopyFrom(await expired(suite, request.image.grid))
    with pytest.raises(TensorGone):
        await decode(request)
    await goes_on(suite, clients)
