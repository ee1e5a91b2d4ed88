import asyncio
import time

import pytest

from protos.earthgptx.v1.reasoner_pb2 import (
    FINISH_REASON_LENGTH,
    Finish,
    GenerateRequest,
)
from shared.errors import DeadlineExceeded, QueueFull
from shared.stage_clients import StageClients
from tests.services.conftest import Suite
from tests.services.encoded import encode_image, encode_marks


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
    image = await encode_image(suite, clients)
    text, segs, finish = await ask(
        clients, GenerateRequest(image=image, question="What is there?", max_new_tokens=24)
    )
    assert finish.prompt_tokens > 0
    assert 0 < finish.new_tokens <= 24
    assert segs == list(range(len(segs)))
    assert len(segs) == text.count("[SEG]")
    assert finish.version


async def test_the_same_question_gets_the_same_answer(suite: Suite, clients: StageClients) -> None:
    image = await encode_image(suite, clients)
    request = GenerateRequest(image=image, question="Describe the image.", max_new_tokens=16)
    assert await ask(clients, request) == await ask(clients, request)


async def test_the_limit_of_new_tokens_holds_for_each_of_many(
    suite: Suite, clients: StageClients
) -> None:
    image = await encode_image(suite, clients)
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
    image = await encode_image(suite, clients)
    prompts = await encode_marks(clients)
    with_region = GenerateRequest(
        image=image, prompts=prompts, question="What is <Region 1>?", max_new_tokens=4
    )
    _, _, finish = await ask(clients, with_region)
    without = GenerateRequest(image=image, question="What is <Region 1>?", max_new_tokens=4)
    assert finish.prompt_tokens > (await ask(clients, without))[2].prompt_tokens


async def running(suite: Suite) -> float:
    return suite.stages["reasoner"].metric("earthgptx_stage_running")


async def test_a_caller_who_goes_frees_the_model_at_once(
    suite: Suite, clients: StageClients
) -> None:
    request = GenerateRequest(
        image=await encode_image(suite, clients), question="Describe all.", max_new_tokens=400
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
        image=await encode_image(suite, clients), question="Describe all.", max_new_tokens=400
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
    image = await encode_image(suite, clients)

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
