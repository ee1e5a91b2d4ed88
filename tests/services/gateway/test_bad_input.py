"""Whatever a stranger sends: the gateway says what is wrong, by field and limit, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from earthgptx.imagery.masks import encode_rle
from protos.earthgptx.v1 import geometry_pb2
from protos.earthgptx.v1.images_pb2 import UploadImageRequest
from shared.errors import InvalidInput, NotFound, Unauthenticated
from tests.earthgptx.imagery.files import encode, scene
from tests.fakes import Stages
from tests.plans import region
from tests.services.bad_files import BAD_FILES, ODD_FILES
from tests.services.gateway.conftest import Caller, GatewayServer, StartGateway, refusal
from tests.services.pictures import png
from tests.services.refusals import check_refusal


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> GatewayServer:
    """Of each kind of work a tenant may have one: what stays behind would block the next."""
    return await start_gateway(max_uploads_per_tenant="1", max_in_flight_per_tenant="1")


async def goes_on(alpha: Caller, image_id: str) -> None:
    """The next upload and the next question are fine."""
    await alpha.upload(png(seed=1))
    told = await alpha.answer(image_id=image_id, question="?")
    assert told[-1].HasField("finished")


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_is_refused_and_the_next_is_fine(
    alpha: Caller, image_id: str, name: str
) -> None:
    bad = BAD_FILES[name]
    error = await refusal(alpha.upload(bad.data))
    check_refusal(error, InvalidInput, "image", bad.limit)
    assert bad.says in error.message
    await goes_on(alpha, image_id)


@pytest.mark.parametrize("name", ODD_FILES)
async def test_an_odd_file_is_taken(alpha: Caller, name: str) -> None:
    data, _ = ODD_FILES[name]
    image = await alpha.upload(data)
    told = await alpha.answer(image_id=image.image_id, question="?")
    assert told[-1].HasField("finished")


def box(x0: float, y0: float, x1: float, y1: float) -> geometry_pb2.Region:
    shape = geometry_pb2.Box(x0_px=x0, y0_px=y0, x1_px=x1, y1_px=y1)
    return geometry_pb2.Region(marks=[geometry_pb2.Mark(box=shape)])


def polygon(vertices: int) -> geometry_pb2.Region:
    ring = geometry_pb2.Polygon(
        vertices=[geometry_pb2.Point(x_px=i % 9, y_px=i % 7) for i in range(vertices)]
    )
    return geometry_pb2.Region(marks=[geometry_pb2.Mark(polygon=ring)])


def scribble(vertices: int, width_px: float = 0) -> geometry_pb2.Region:
    stroke = geometry_pb2.Scribble(
        vertices=[geometry_pb2.Point(x_px=i % 9, y_px=i % 7) for i in range(vertices)],
        width_px=width_px,
    )
    return geometry_pb2.Region(marks=[geometry_pb2.Mark(scribble=stroke)])


def mask(counts: str, width_px: int = 96, height_px: int = 64, times: int = 1) -> Any:
    rle = geometry_pb2.RleMask(height_px=height_px, width_px=width_px, counts=counts)
    return geometry_pb2.Region(marks=[geometry_pb2.Mark(mask=rle)] * times)


MARK = "regions[0].marks[0]"
POINTS = geometry_pb2.Region(
    marks=[geometry_pb2.Mark(point=geometry_pb2.Point(x_px=1, y_px=1))] * 10_000
)
BAD_REQUESTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "1 MB question": ({"question": "q" * 1_000_000}, "question", "4096 bytes"),
    "long question": ({"question": "é" * 2049}, "question", "4096 bytes"),
    "no question": ({"question": " "}, "question", "1 to 4096 bytes"),
    "a region that is not there": (
        {"question": "<Region 2>?", "regions": [region()]},
        "question",
        "regions 1 to 1",
    ),
    "region 0": ({"question": "<Region 0>?", "regions": [region()]}, "question", "regions 1"),
    "10,000 points": ({"regions": [POINTS]}, "regions[0].marks", "1 to 64 marks"),
    "10,000 vertices": ({"regions": [scribble(10_000)]}, f"{MARK}.scribble", "1024 vertices"),
    "10,000 regions": ({"regions": [region()] * 10_000}, "regions", "64 regions"),
    "too many vertices": ({"regions": [polygon(1025)]}, f"{MARK}.polygon", "1024 vertices"),
    "an empty polygon": ({"regions": [polygon(0)]}, f"{MARK}.polygon", "3 to 1024"),
    "a flat polygon": (
        {"regions": [box(0, 0, 9, 9), polygon(3)]},
        "regions[1].marks[0].polygon",
        "not all on one line",
    ),
    "an empty scribble": ({"regions": [scribble(0)]}, f"{MARK}.scribble", "1 to 1024"),
    "a stroke too wide": (
        {"regions": [scribble(2, 1e9)]},
        f"{MARK}.scribble.width_px",
        "between 0 and 96",
    ),
    "no regions to segment": ({"task": 2, "question": ""}, "regions", "at least 1 region"),
    "an empty region": ({"regions": [geometry_pb2.Region()]}, "regions[0].marks", "1 to 64"),
    "a mark without shape": (
        {"regions": [region(), geometry_pb2.Region(marks=[geometry_pb2.Mark()])]},
        "regions[1].marks[0]",
        "a point, box",
    ),
    "a box outside": ({"regions": [box(200, 0, 210, 10)]}, f"{MARK}.box", "x in 0..96"),
    "a box half outside": ({"regions": [box(-40, 0, 10, 10)]}, f"{MARK}.box", "y in 0..64"),
    "a box without area": ({"regions": [box(5, 5, 5, 9)]}, f"{MARK}.box", "x0 < x1"),
    "not a number": ({"regions": [box(float("nan"), 0, 9, 9)]}, f"{MARK}.box", "finite numbers"),
    "endless": ({"regions": [box(0, 0, float("inf"), 9)]}, f"{MARK}.box", "finite numbers"),
    "a damaged mask": ({"regions": [mask("\x7f~~")]}, f"{MARK}.mask.counts", "run-length code"),
    "an empty mask code": ({"regions": [mask("")]}, f"{MARK}.mask.counts", "run-length code"),
    "a mask of another size": ({"regions": [mask("0", 9, 9)]}, f"{MARK}.mask", "96 x 64 px"),
    "unknown modality": ({"modality": 9}, "modality", "0 to 3"),
    "unknown task": ({"task": 7}, "task", "0 to 2"),
    "unknown zoom": ({"zoom": -1}, "zoom", "0 to 3"),
    "negative tokens": ({"max_new_tokens": -1}, "max_new_tokens", "0 to 4096"),
    "too many tokens": ({"max_new_tokens": 10**6}, "max_new_tokens", "0 to 4096"),
    "a long key": ({"idempotency_key": "k" * 257, "durable": True}, "idempotency_key", "256"),
    "a key that is not durable": ({"idempotency_key": "k"}, "idempotency_key", "durable requests"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
async def test_a_bad_request_is_refused_and_the_next_is_fine(
    alpha: Caller, image_id: str, stages: Stages, case: str
) -> None:
    fields, field, limit = BAD_REQUESTS[case]
    for durable in {False, bool(fields.get("durable"))}:
        asked = {"image_id": image_id, "question": "?", "durable": durable} | fields
        check_refusal(await refusal(alpha.answer(**asked)), InvalidInput, field, limit)
    assert not stages.calls
    await goes_on(alpha, image_id)


GARBAGE = b"\xff\xff\xff\xff"


async def call_raw(caller: Caller, method: str, *messages: bytes) -> None:
    """A call of any kind with bytes in place of messages."""

    async def parts() -> AsyncIterator[bytes]:
        for message in messages:
            yield message

    call = caller.channel.stream_stream(f"/earthgptx.v1.{method}")
    async for _ in call(parts(), metadata=caller.metadata, timeout=10):
        pass


@pytest.mark.parametrize(
    ("method", "messages"),
    [
        ("Images/GetImage", [GARBAGE]),
        ("Interpreter/Interpret", [GARBAGE]),
        ("Images/UploadImage", [GARBAGE]),
        ("Images/UploadImage", [UploadImageRequest(header={}).SerializeToString(), GARBAGE]),
    ],
)
async def test_bytes_that_are_no_message_are_refused_and_the_next_is_fine(
    alpha: Caller, image_id: str, method: str, messages: list[bytes]
) -> None:
    error = await refusal(call_raw(alpha, method, *messages))
    check_refusal(error, InvalidInput, "request", "earthgptx.v1")
    await goes_on(alpha, image_id)


async def test_a_stranger_is_not_told_what_a_message_looks_like(gateway: GatewayServer) -> None:
    error = await refusal(call_raw(gateway.caller(None), "Images/GetImage", GARBAGE))
    assert isinstance(error, Unauthenticated)


@pytest.mark.parametrize("modality", [2, 3], ids=["sar", "infrared"])
async def test_an_image_that_cannot_be_of_that_modality_is_refused(
    alpha: Caller, image_id: str, stages: Stages, modality: int
) -> None:
    many_bands = await alpha.upload(ODD_FILES["8 bands"][0])
    error = await refusal(
        alpha.answer(image_id=many_bands.image_id, question="?", modality=modality)
    )
    check_refusal(error, InvalidInput, "modality", "4 bands")
    assert not stages.calls
    await goes_on(alpha, image_id)


async def test_masks_of_few_bytes_and_many_pixels_are_refused(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    image = await alpha.upload(encode(scene(2000, 2000)[..., 0], "PNG"))
    counts = encode_rle(np.ones((2000, 2000), bool))[2]
    full = mask(counts, 2000, 2000, times=60)
    error = await refusal(alpha.answer(image_id=image.image_id, question="?", regions=[full]))
    check_refusal(error, InvalidInput, "regions", "200000000 px of masks")
    assert not stages.calls
    await goes_on(alpha, image_id)


async def test_another_tenants_image_is_not_there(gateway: GatewayServer, image_id: str) -> None:
    beta = gateway.caller("beta")
    errors = [
        await refusal(beta.answer(image_id=asked, question="?", durable=durable))
        for asked in (image_id, "sha256:" + "1" * 64, "../../etc/passwd", "")
        for durable in (False, True)
    ]
    for error in errors:
        check_refusal(error, NotFound, "image_id", "")
    assert len({error.message for error in errors}) == 1
    await goes_on(beta, (await beta.upload(png())).image_id)


async def test_an_expired_image_is_not_there_and_may_be_uploaded_again(
    start_gateway: StartGateway,
) -> None:
    alpha = (await start_gateway(image_ttl_s="0.3")).caller()
    image = await alpha.upload(png())
    await asyncio.sleep(0.5)
    error = await refusal(alpha.answer(image_id=image.image_id, question="?"))
    check_refusal(error, NotFound, "image_id", "")
    again = await alpha.upload(png())
    assert again.image_id == image.image_id
