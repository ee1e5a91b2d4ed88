import asyncio
import dataclasses
import time

import pytest

from protos.earthgptx.v1.image_encoder_pb2 import EncodedImage, EncodeImageRequest
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from protos.earthgptx.v1.reasoner_pb2 import (
    FINISH_REASON_LENGTH,
    Finish,
    GenerateRequest,
)
from shared.errors import DeadlineExceeded, InvalidInput, QueueFull, TensorGone, TensorRefused
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import TensorRef
from tests.services.conftest import Suite
from tests.services.marks import point, region
from tests.services.pictures import png


async def encode(suite: Suite, clients: StageClients, tenant: str = "alpha") -> EncodedImage:
    image = suite.put_image(png(seed=20), tenant)
    request = EncodeImageRequest(image=image.to_proto(), modality="MODALITY_OPTICAL")
    return (await clients.image_encoder.EncodeImage(request)).encoded


async def ask(clients: StageClients, request: GenerateRequest) -> tuple[str, list[int], Finish]:
    """Text, numbers of [SEG]s, and the one finish, which must come last."""
    text, segs, finishes = "", list[int](), list[Finish]()
    async for response in clients.reasoner.Generate(request):
        assert not finishes, "nothing comes after the finish"
        text += response.text.text
        if response.HasField("seg"):
            segs.append(response.seg.index)
        if response.HasField("finish"):
            finishes.append(response.finish)
    assert len(finishes) == 1
    return text, segs, finishes[0]


async def test_an_answer_ends_with_exactly_one_finish(suite: Suite, clients: StageClients) -> None:
    image = await encode(suite, clients)
    text, segs, finish = await ask(
        clients, GenerateRequest(image=image, question="What is there?", max_new_tokens=24)
    )
    assert finish.prompt_tokens > 0
    assert 0 < finish.new_tokens <= 24
    assert segs == list(range(len(segs)))
    assert len(segs) == text.count("[SEG]")
    assert finish.version


async def test_the_same_question_gets_the_same_answer(suite: Suite, clients: StageClients) -> None:
    image = await encode(suite, clients)
    request = GenerateRequest(image=image, question="Describe the image.", max_new_tokens=16)
    assert await ask(clients, request) == await ask(clients, request)


async def test_the_limit_of_new_tokens_holds_for_each_of_many(
    suite: Suite, clients: StageClients
) -> None:
    image = await encode(suite, clients)
    requests = [
        GenerateRequest(image=image, question=f"Question {i}?", max_new_tokens=1 + i % 3)
        for i in range(12)
    ]
    for request, (_, _, finish) in zip(
        requests, await asyncio.gather(*(ask(clients, r) for r in requests)), strict=True
    ):
        assert finish.new_tokens <= request.max_new_tokens
        if finish.new_tokens == request.max_new_tokens:
            assert finish.reason == FINISH_REASON_LENGTH


async def test_regions_are_understood_beside_the_image(suite: Suite, clients: StageClients) -> None:
    image = await encode(suite, clients)
    marks = EncodePromptsRequest(
        tenant="alpha", regions=[region(point(30, 30))], image_width_px=96, image_height_px=64
    )
    prompts = (await clients.prompt_encoder.EncodePrompts(marks)).encoded
    with_region = GenerateRequest(
        image=image, prompts=prompts, question="What is <Region 1>?", max_new_tokens=4
    )
    _, _, finish = await ask(clients, with_region)
    without = GenerateRequest(image=image, question="What is <Region 1>?", max_new_tokens=4)
    assert finish.prompt_tokens > (await ask(clients, without))[2].prompt_tokens


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": "  "}, "question"),
        ({"question": "x" * 4097}, "question"),
        ({"question": "why " * 1000}, "question"),
        ({"question": "q" * 1_000_000}, "question"),
        ({"max_new_tokens": -1}, "max_new_tokens"),
        ({"max_new_tokens": 1_000_000}, "max_new_tokens"),
        ({"image": None}, "image"),
    ],
)
async def test_a_request_beyond_a_limit_is_named(
    suite: Suite, clients: StageClients, changes: dict[str, object], field: str
) -> None:
    fields = {"image": await encode(suite, clients), "question": "What?", **changes}
    with pytest.raises(InvalidInput) as caught:
        await ask(clients, GenerateRequest(**fields))
    assert caught.value.field == field


async def test_features_of_another_shape_are_named(suite: Suite, clients: StageClients) -> None:
    image = await encode(suite, clients)
    image.grid.CopyFrom(image.pyramid[0])
    with pytest.raises(InvalidInput) as caught:
        await ask(clients, GenerateRequest(image=image, question="What?"))
    assert caught.value.field == "image.grid"


async def test_features_of_two_tenants_are_not_mixed(suite: Suite, clients: StageClients) -> None:
    image = await encode(suite, clients)
    other = await encode(suite, clients, "beta")
    image.pyramid[1].CopyFrom(other.pyramid[1])
    with pytest.raises(TensorRefused):
        await ask(clients, GenerateRequest(image=image, question="What?"))


async def test_features_that_have_gone_are_a_gone_tensor(
    suite: Suite, clients: StageClients
) -> None:
    image = await encode(suite, clients)
    grid = TensorRef.from_proto(image.grid)
    values = HostTensor.from_numpy(suite.store.get(grid, tenant="alpha").to_numpy() + 1)
    image.grid.CopyFrom(suite.store.put(values, tenant="alpha", ttl_s=0.05).to_proto())
    await asyncio.sleep(0.2)
    with pytest.raises(TensorGone):
        await ask(clients, GenerateRequest(image=image, question="What?"))


async def test_a_forged_ref_is_refused(suite: Suite, clients: StageClients) -> None:
    image = await encode(suite, clients)
    grid = dataclasses.replace(TensorRef.from_proto(image.grid), key="guess")
    image.grid.CopyFrom(grid.to_proto())
    with pytest.raises(TensorRefused):
        await ask(clients, GenerateRequest(image=image, question="What?"))


async def running(suite: Suite) -> float:
    return suite.stages["reasoner"].metric("earthgptx_stage_running")


async def test_a_caller_who_goes_frees_the_model_at_once(
    suite: Suite, clients: StageClients
) -> None:
    request = GenerateRequest(
        image=await encode(suite, clients), question="Describe all.", max_new_tokens=400
    )
    before = suite.stages["reasoner"].metric("earthgptx_stage_cancels_total")
    call = clients.reasoner.Generate(request)
    async for _ in call:
        break
    call.cancel()
    cancelled_at = time.monotonic()
    async with asyncio.timeout(2):
        while await running(suite) > 0:
            await asyncio.sleep(0.01)
    assert time.monotonic() - cancelled_at < 0.5
    stage = suite.stages["reasoner"]
    # An answer may have ended by itself before the cancel came.
    assert stage.metric("earthgptx_stage_cancels_total") - before <= 1


async def test_a_deadline_ends_the_answer(suite: Suite, clients: StageClients) -> None:
    request = GenerateRequest(
        image=await encode(suite, clients), question="Describe all.", max_new_tokens=400
    )
    with pytest.raises(DeadlineExceeded):
        async for _ in clients.reasoner.Generate(request, timeout=0.001):
            pass
    async with asyncio.timeout(2):
        while await running(suite) > 0:
            await asyncio.sleep(0.01)


async def test_every_request_of_a_burst_ends_and_refusals_say_when_to_come_back(
    suite: Suite, clients: StageClients
) -> None:
    image = await encode(suite, clients)

    async def one(number: int) -> str:
        request = GenerateRequest(image=image, question=f"Say {number}.", max_new_tokens=4)
        try:
            await ask(clients, request)
        except QueueFull as full:
            assert full.retry_after_s
            return "refused"
        return "answered"

    ends = await asyncio.gather(*(one(number) for number in range(200)))
    assert len(ends) == 200
    # The queue alone has 64 places.
    assert ends.count("answered") > 64
    assert await running(suite) == 0
