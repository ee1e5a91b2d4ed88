from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from protos.earthgptx.v1 import geometry_pb2, interpreter_pb2
from shared.errors import (
    NotFound,
    QueueFull,
    QuotaExceeded,
    StageUnavailable,
    TensorGone,
)
from shared.rich_status import from_rpc_error
from tests.fakes import ANSWER, CLEAN_ANSWER, Stages
from tests.plans import region
from tests.servers import free_port
from tests.services.gateway.conftest import Caller, GatewayServer, StartGateway, refusal
from tests.services.gateway.test_images import geotiff
from tests.services.marks import box, point
from tests.services.pictures import png


def kinds(told: list[Any]) -> list[str]:
    """Kinds of messages in order, runs of the same kind once."""
    found = [str(response.WhichOneof("event")) for response in told]
    return [kind for i, kind in enumerate(found) if i == 0 or kind != found[i - 1]]


def words(told: list[Any]) -> str:
    return "".join(response.text.text for response in told)


async def until(stages: Stages, method: str) -> None:
    async with asyncio.timeout(5):
        while not stages.calls[method]:
            await asyncio.sleep(0.005)


async def test_a_question_is_answered_in_words_boxes_and_masks(
    alpha: Caller, image_id: str
) -> None:
    told = await alpha.answer(image_id=image_id, question="What is there?")
    assert kinds(told)[:4] == ["accepted", "text", "boxes", "text"]
    assert kinds(told)[-1] == "finished"
    window = told[0].accepted.window
    assert (window.x0_px, window.y0_px, window.side_px) == (0, -16, 96)
    assert told[0].accepted.run_id
    assert words(told) == CLEAN_ANSWER
    (boxes,) = (response.boxes for response in told if response.HasField("boxes"))
    assert boxes.phrase == "ships"
    assert boxes.boxes[0].x0_px == pytest.approx(9.6)
    (mask,) = (response.mask for response in told if response.HasField("mask"))
    assert (mask.phrase, mask.index, mask.area_px) == ("pier", 0, 900)
    ((outer,),) = ([ring.outer.positions for ring in mask.polygons_px],)
    assert {(p.x, p.y) for p in outer} == {(20, 10), (50, 10), (50, 40), (20, 40)}
    assert not mask.polygons_lonlat
    finished = told[-1].finished
    assert finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED
    assert (finished.answer, finished.raw_answer) == (CLEAN_ANSWER, ANSWER)
    assert (finished.usage.prompt_tokens, finished.usage.new_tokens) == (40, 20)
    assert finished.usage.duration_s > 0
    assert not finished.HasField("failure")


async def test_masks_of_a_georeferenced_image_lie_on_the_ground(alpha: Caller) -> None:
    image = await alpha.upload(geotiff(bands=3, dtype="uint8"))
    told = await alpha.answer(image_id=image.image_id, question="What is there?")
    (mask,) = (response.mask for response in told if response.HasField("mask"))
    (polygon,) = mask.polygons_lonlat
    for position in polygon.outer.positions:
        assert 2.9 < position.x < 3.1
        assert 41.4 < position.y < 41.7


async def test_regions_are_segmented_without_words(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    task = interpreter_pb2.TASK_SEGMENT_REGIONS
    told = await alpha.answer(image_id=image_id, regions=[region()] * 2, task=task)
    assert kinds(told) == ["accepted", "mask", "finished"]
    assert [response.mask.index for response in told if response.HasField("mask")] == [0, 1]
    assert stages.calls["Generate"] == 0


async def test_both_encoders_work_at_the_same_time(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.pause_s, stages.answer = 0.2, "A ship."
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    await alpha.answer(image_id=image_id, question="<Region 1>?", regions=[region()])
    assert loop.time() - started_s < 0.38
    assert stages.calls["EncodePrompts"] == 1


async def test_words_and_masks_come_while_the_model_still_speaks(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.gate = asyncio.Event()
    seen: list[str] = []
    async for response in alpha.ask(image_id=image_id, question="What is there?"):
        seen.append(response.WhichOneof("event"))
        if seen[-1] == "mask":
            assert not stages.finished["Generate"]
            stages.gate.set()
    assert (seen[0], seen[1], seen[-1]) == ("accepted", "text", "finished")
    assert "mask" in seen


async def test_small_regions_are_looked_at_closely(gateway: GatewayServer) -> None:
    alpha = gateway.caller()
    image = await alpha.upload(png(1024, 1024))
    told = await alpha.answer(image_id=image.image_id, question="<Region 1>?", regions=[region()])
    assert told[0].accepted.window.side_px < 300
    whole = await alpha.answer(
        image_id=image.image_id,
        question="<Region 1>?",
        regions=[region()],
        zoom=interpreter_pb2.ZOOM_WHOLE_IMAGE,
    )
    assert whole[0].accepted.window.side_px == 1024
    close = await alpha.answer(
        image_id=image.image_id,
        question="<Region 1>?",
        regions=[region()],
        zoom=interpreter_pb2.ZOOM_CLOSE,
    )
    assert close[0].accepted.window.side_px < told[0].accepted.window.side_px


@pytest.mark.parametrize(
    ("marks", "zoom", "clicks"),
    [
        ([point(4, 5)], interpreter_pb2.ZOOM_AUTO, 1),
        ([point(4, 5), point(6, 5)], interpreter_pb2.ZOOM_UNSPECIFIED, 2),
        ([point(4, 5)], interpreter_pb2.ZOOM_CLOSE, 1),
        ([point(4, 5)], interpreter_pb2.ZOOM_WHOLE_IMAGE, 0),
        ([point(4, 5), box(1, 2, 30, 40)], interpreter_pb2.ZOOM_AUTO, 0),
    ],
    ids=["a point", "two points", "closely", "the whole image is wanted", "a box tells the size"],
)
async def test_only_what_points_mark_is_to_be_looked_at_from_nearer(
    alpha: Caller, image_id: str, stages: Stages, marks: list[Any], zoom: int, clicks: int
) -> None:
    task = interpreter_pb2.TASK_SEGMENT_REGIONS
    regions = [geometry_pb2.Region(marks=marks)]
    await alpha.answer(image_id=image_id, task=task, regions=regions, zoom=zoom)
    (query,) = stages.requests["DecodeMasks"].queries
    assert len(query.clicks) == clicks


async def test_the_callers_deadline_reaches_every_stage(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    asked = {"image_id": image_id, "question": "<Region 1>?", "regions": [region()]}
    await alpha.answer(timeout_s=7, **asked)
    assert set(stages.timeouts_s) == {"EncodeImage", "EncodePrompts", "Generate", "DecodeMasks"}
    assert all(5 < timeout_s < 7 for timeout_s in stages.timeouts_s.values())
    await alpha.answer(timeout_s=None, **asked)
    assert all(100 < timeout_s < 120 for timeout_s in stages.timeouts_s.values())


async def test_a_deadline_in_the_middle_ends_with_finished(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.gate = asyncio.Event()
    told = []
    try:
        async for response in alpha.ask(timeout_s=0.8, image_id=image_id, question="?"):
            told.append(response)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    else:
        assert told[-1].finished.failure.code == "DEADLINE_EXCEEDED"
    assert words(told) == CLEAN_ANSWER
    async with asyncio.timeout(2):
        while not stages.cancelled["Generate"]:
            await asyncio.sleep(0.01)


async def test_a_cancel_reaches_the_stage_at_once(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.gate = asyncio.Event()
    call = alpha.ask(image_id=image_id, question="What is there?")
    await call.read()
    loop = asyncio.get_running_loop()
    cancelled_s = loop.time()
    call.cancel()
    async with asyncio.timeout(2):
        while not stages.cancelled["Generate"]:
            await asyncio.sleep(0.002)
    assert loop.time() - cancelled_s < 0.2


async def test_a_refusal_by_a_stage_is_one_by_the_gateway(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.fail_next = {"Generate": [QueueFull("full", retry_after_s=0.7)]}
    error = await refusal(alpha.answer(image_id=image_id, question="?"))
    assert (type(error), error.retry_after_s) == (QueueFull, 0.7)


async def test_a_failure_in_the_middle_ends_with_finished(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.fail_next = {"DecodeMasks": [QueueFull("full")]}
    told = await alpha.answer(image_id=image_id, question="?")
    finished = told[-1].finished
    assert finished.state == interpreter_pb2.TERMINAL_STATE_FAILED
    assert (finished.failure.code, finished.failure.retryable) == ("QUEUE_FULL", True)
    assert sum(response.HasField("finished") for response in told) == 1


@pytest.mark.parametrize("method", ["Generate", "DecodeMasks"])
async def test_gone_tensors_are_made_again(
    alpha: Caller, image_id: str, stages: Stages, method: str
) -> None:
    stages.fail_next = {method: [TensorGone("gone"), TensorGone("gone")]}
    told = await alpha.answer(image_id=image_id, question="<Region 1>?", regions=[region()])
    assert told[-1].finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED
    assert words(told) == CLEAN_ANSWER
    assert sum(response.HasField("mask") for response in told) == 1
    assert stages.calls["EncodeImage"] == stages.calls["EncodePrompts"] == 3


async def test_tensors_that_are_always_gone_end_the_request(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.fail_next = {"Generate": [TensorGone("gone") for _ in range(9)]}
    error = await refusal(alpha.answer(image_id=image_id, question="?"))
    assert isinstance(error, TensorGone)
    assert stages.calls["Generate"] == 3


async def test_an_image_the_encoder_does_not_find_is_not_found(
    alpha: Caller, image_id: str, stages: Stages
) -> None:
    stages.fail_next = {"EncodeImage": [TensorGone("gone")]}
    error = await refusal(alpha.answer(image_id=image_id, question="?"))
    assert (type(error), error.field) == (NotFound, "image_id")


async def test_one_tenants_flood_leaves_the_other_its_places(
    start_gateway: StartGateway, stages: Stages
) -> None:
    gateway = await start_gateway(max_in_flight_per_tenant="2")
    alpha, beta = gateway.caller("alpha"), gateway.caller("beta")
    ids = [(await caller.upload(png())).image_id for caller in (alpha, beta)]
    stages.gate = asyncio.Event()
    running = [asyncio.create_task(alpha.answer(image_id=ids[0], question="?")) for _ in range(2)]
    async with asyncio.timeout(5):
        while stages.calls["Generate"] < 2:
            await asyncio.sleep(0.01)
    error = await refusal(alpha.answer(image_id=ids[0], question="?"))
    assert isinstance(error, QuotaExceeded) and error.retry_after_s
    others = asyncio.create_task(beta.answer(image_id=ids[1], question="?"))
    await asyncio.sleep(0.05)
    stages.gate.set()
    assert (await others)[-1].HasField("finished")
    for told in await asyncio.gather(*running):
        assert told[-1].HasField("finished")
    await alpha.answer(image_id=ids[0], question="?")


async def test_a_stage_that_is_away_is_told_without_its_address(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(image_encoder_addr=f"127.0.0.1:{free_port()}")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    error = await refusal(alpha.answer(image_id=image.image_id, question="?"))
    assert (type(error), error.retryable) == (StageUnavailable, True)
    assert "127.0.0.1" not in error.message


async def test_what_bands_became_is_told(alpha: Caller, stages: Stages) -> None:
    stages.band_note = "bands 1, 2, 3 of 4 as red, green, blue"
    image = await alpha.upload(geotiff())
    told = await alpha.answer(image_id=image.image_id, question="?")
    assert told[0].accepted.band_note == stages.band_note


async def test_nothing_of_the_stages_refs_or_keys_reaches_the_caller(
    alpha: Caller, image_id: str
) -> None:
    for response in await alpha.answer(image_id=image_id, question="?"):
        assert b"fake" not in response.SerializeToString()


async def test_of_a_burst_every_request_is_answered_or_refused_with_a_time_to_come_back(
    start_gateway: StartGateway, stages: Stages
) -> None:
    stages.pause_s, stages.token_chars = 0.1, 100
    gateway = await start_gateway(max_in_flight_per_tenant="8")
    alpha = gateway.caller()
    image = await alpha.upload(png())

    async def one() -> str:
        try:
            told = await alpha.answer(image_id=image.image_id, question="?")
        except grpc.RpcError as error:
            refused = from_rpc_error(error)
            assert isinstance(refused, QuotaExceeded) and refused.retry_after_s
            return "refused"
        assert [response.HasField("finished") for response in told].count(True) == 1
        return str(told[-1].finished.state)

    outcomes = await asyncio.gather(*(one() for _ in range(200)))
    assert set(outcomes) == {"refused", str(interpreter_pb2.TERMINAL_STATE_SUCCEEDED)}
    assert outcomes.count("refused") < 200
