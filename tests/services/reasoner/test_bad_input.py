"""What the reasoner refuses, how it says so, and that it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from protos.earthgptx.v1 import geometry_pb2
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from shared.errors import InvalidInput, TensorGone, TensorRefused
from shared.stage_clients import StageClients
from tests.services.conftest import Suite
from tests.services.encoded import encode_image, encode_marks, expired, forged, not_finite
from tests.services.refusals import check_idle, refused


async def ask(clients: StageClients, request: GenerateRequest) -> None:
    async for _ in clients.reasoner.Generate(request):
        pass


async def fine(suite: Suite, clients: StageClients) -> GenerateRequest:
    return GenerateRequest(
        image=await encode_image(suite, clients),
        prompts=await encode_marks(clients),
        question="What is <Region 1>?",
        max_new_tokens=2,
    )


async def goes_on(suite: Suite, clients: StageClients) -> None:
    """The next request is fine and nothing of the one before is left."""
    await ask(clients, await fine(suite, clients))
    await check_idle(suite.stages["reasoner"])


CHANGES: dict[str, tuple[dict[str, Any], str, str]] = {
    "1 MB question": ({"question": "q" * 1_000_000}, "question", "1 to 4096 bytes"),
    "4,097 bytes": ({"question": "q" * 4097}, "question", "1 to 4096 bytes"),
    "bytes, not characters": ({"question": "é" * 2049}, "question", "1 to 4096 bytes"),
    "more tokens than fit": ({"question": "why " * 1000}, "question", "tokens"),
    "no question": ({"question": ""}, "question", "1 to 4096 bytes"),
    "a blank question": ({"question": " \n "}, "question", "1 to 4096 bytes"),
    "negative tokens": ({"max_new_tokens": -1}, "max_new_tokens", "0 or more"),
    "too many tokens": ({"max_new_tokens": 10**6}, "max_new_tokens", "tokens"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_request_beyond_a_limit_is_refused(
    suite: Suite, clients: StageClients, name: str
) -> None:
    changes, field, limit = CHANGES[name]
    request = await fine(suite, clients)
    for changed, value in changes.items():
        setattr(request, changed, value)
    await refused(ask(clients, request), InvalidInput, field, limit)
    await goes_on(suite, clients)


async def test_features_that_are_not_as_they_should_be_are_refused(
    suite: Suite, clients: StageClients
) -> None:
    async def check(request: GenerateRequest, field: str, limit: str) -> None:
        await refused(ask(clients, request), InvalidInput, field, limit)

    request = await fine(suite, clients)
    request.ClearField("image")
    await check(request, "image", "EncodeImage")
    request = await fine(suite, clients)
    request.image.ClearField("grid")
    await check(request, "image", "EncodeImage")
    request = await fine(suite, clients)
    request.image.grid.CopyFrom(request.image.pyramid[0])
    await check(request, "image.grid", "f32 or bf16 [")
    request = await fine(suite, clients)
    del request.image.pyramid[1]
    await check(request, "image.pyramid", "2 levels")
    request = await fine(suite, clients)
    request.image.pyramid.extend([request.image.pyramid[0]] * 10)
    await check(request, "image.pyramid", "4 levels")
    request = await fine(suite, clients)
    request.image.image_width_px = request.image.image_height_px = 12_000
    await check(request, "image.image_width_px", "100000000 px in all")
    request = await fine(suite, clients)
    request.image.window.CopyFrom(geometry_pb2.Window(x0_px=float("nan"), side_px=9))
    await check(request, "image.window", "finite numbers")
    request = await fine(suite, clients)
    request.prompts.region_count = 65
    await check(request, "prompts.region_count", "1 to 64 regions")
    request = await fine(suite, clients)
    request.prompts.ClearField("map_tokens")
    await check(request, "prompts.map_tokens", "EncodePrompts")
    await goes_on(suite, clients)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
async def test_features_that_are_not_finite_are_refused(
    suite: Suite, clients: StageClients, value: float
) -> None:
    request = await fine(suite, clients)
    request.image.grid.CopyFrom(not_finite(suite, request.image.grid, value))
    await refused(ask(clients, request), InvalidInput, "image.grid", "finite values")
    request = await fine(suite, clients)
    tokens = request.prompts.region_tokens
    tokens.CopyFrom(not_finite(suite, tokens, value))
    await refused(ask(clients, request), InvalidInput, "prompts.region_tokens", "finite values")
    await goes_on(suite, clients)


async def test_tensors_of_another_tenant_forged_or_gone_are_refused(
    suite: Suite, clients: StageClients
) -> None:
    request = await fine(suite, clients)
    foreign = await encode_image(suite, clients, "beta")
    request.image.pyramid[1].CopyFrom(foreign.pyramid[1])
    await refused(ask(clients, request), TensorRefused, "tenant", "one tenant")
    request = await fine(suite, clients)
    request.prompts.CopyFrom(await encode_marks(clients, "beta"))
    await refused(ask(clients, request), TensorRefused, "tenant", "one tenant")
    request = await fine(suite, clients)
    request.image.grid.CopyFrom(forged(request.image.grid))
    with pytest.raises(TensorRefused):
        await ask(clients, request)
    request = await fine(suite, clients)
    request.image.grid.CopyFrom(await expired(suite, request.image.grid))
    with pytest.raises(TensorGone):
        await ask(clients, request)
    await goes_on(suite, clients)
