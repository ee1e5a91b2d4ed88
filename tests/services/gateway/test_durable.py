from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from protos.earthgptx.v1 import interpreter_pb2
from shared.errors import Conflict, QuotaExceeded, StageUnavailable
from tests.fakes import CLEAN_ANSWER, Stages
from tests.plans import region
from tests.servers import free_port
from tests.services.gateway.conftest import (
    GatewayServer,
    StartGateway,
    refusal,
    start_orchestrator,
)
from tests.services.gateway.test_images import geotiff
from tests.services.gateway.test_interactive import kinds, words
from tests.services.pictures import png
from tests.services.stage_processes import StageProcess, start_process

pytestmark = pytest.mark.timeout(60)
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


async def running(redis: Redis) -> int:
    return int(await redis.zcard("runs:due"))


async def test_a_durable_question_is_answered_the_same_way(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    alpha = gateway.caller()
    image = await alpha.upload(png())
    asked = {"image_id": image.image_id, "question": "<Region 1>?", "regions": [region()]}
    durable = await alpha.answer(**asked, durable=True)
    now = await alpha.answer(**asked)
    assert kinds(durable)[0] == "accepted" and kinds(durable)[-1] == "finished"
    assert words(durable) == words(now) == CLEAN_ANSWER
    for kind in ("boxes", "mask"):
        of_both = [
            [getattr(response, kind) for response in told if response.HasField(kind)]
            for told in (durable, now)
        ]
        assert of_both[0] == of_both[1] != []
    first, second = durable[-1].finished, now[-1].finished
    assert first.state == second.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED
    assert (first.answer, first.raw_answer) == (second.answer, second.raw_answer)
    assert durable[0].accepted.window == now[0].accepted.window
    assert set(stages.calls.values()) == {2}


async def test_one_trace_leads_from_the_caller_to_every_stage(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    alpha = gateway.caller()
    alpha.metadata.append(("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01"))
    image = await alpha.upload(png())
    asked = {"image_id": image.image_id, "question": "<Region 1>?", "regions": [region()]}
    for durable in (False, True):
        stages.metadata.clear()
        await alpha.answer(**asked, durable=durable)
        assert len(stages.metadata) == 4
        for metadata in stages.metadata.values():
            assert metadata["traceparent"].split("-")[1] == TRACE_ID


async def test_the_same_request_again_joins_the_run(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    alpha = gateway.caller()
    image = await alpha.upload(png())
    asked = {"image_id": image.image_id, "question": "?", "durable": True, "idempotency_key": "k"}
    both = await asyncio.gather(alpha.answer(**asked), alpha.answer(**asked))
    later = await alpha.answer(**asked)
    assert both[0] == both[1] == later
    assert stages.calls["Generate"] == 1
    error = await refusal(alpha.answer(**asked | {"question": "something else?"}))
    assert (type(error), error.field) == (Conflict, "idempotency_key")


async def test_who_leaves_takes_the_run_along(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages, redis: Redis
) -> None:
    stages.gate = asyncio.Event()
    alpha = gateway.caller()
    image = await alpha.upload(png())
    call = alpha.ask(image_id=image.image_id, question="?", durable=True)
    run_id = (await call.read()).accepted.run_id
    async with asyncio.timeout(10):
        while not stages.calls["Generate"]:
            await asyncio.sleep(0.01)
        call.cancel()
        while not stages.cancelled["Generate"] or await running(redis):
            await asyncio.sleep(0.01)
    assert await redis.hget(f"run:{run_id}", "state") == b"cancelled"


async def test_who_has_a_key_finds_the_run_again(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    stages.gate = asyncio.Event()
    alpha = gateway.caller()
    image = await alpha.upload(png())
    asked: dict[str, Any] = {"image_id": image.image_id, "question": "?", "durable": True}
    asked["idempotency_key"] = "key"
    told = await alpha.answer(timeout_s=1, **asked)
    assert told[-1].finished.failure.code == "DEADLINE_EXCEEDED"
    assert "goes on" in told[-1].finished.failure.message
    stages.gate.set()
    again = await alpha.answer(**asked)
    assert again[0].accepted.run_id == told[0].accepted.run_id
    assert again[-1].finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED
    assert stages.calls["Generate"] == 1


async def test_what_bands_became_is_told_by_the_run(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    stages.band_note = "bands 1, 2, 3 of 4 as red, green, blue"
    alpha = gateway.caller()
    image = await alpha.upload(geotiff())
    told = await alpha.answer(image_id=image.image_id, question="?", durable=True)
    assert told[0].accepted.band_note == stages.band_note
    assert sum(response.HasField("accepted") for response in told) == 1


async def test_a_run_that_waits_for_an_orchestrator_is_found_by_it(
    gateway: GatewayServer, tmp_path: Path
) -> None:
    alpha = gateway.caller()
    image = await alpha.upload(png())
    waiting = asyncio.create_task(alpha.answer(image_id=image.image_id, question="?", durable=True))
    await asyncio.sleep(0.3)
    started = await start_orchestrator(gateway, tmp_path)
    assert (await waiting)[-1].finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED
    await asyncio.to_thread(started.stop)


async def test_a_caller_nobody_works_for_hears_so_in_time(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(durable_timeout_s="1")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    told = await alpha.answer(timeout_s=1, image_id=image.image_id, question="?", durable=True)
    assert told[-1].finished.failure.code == "DEADLINE_EXCEEDED"


async def test_a_tenant_has_so_many_durable_runs(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_durable_per_tenant="1")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    asked: dict[str, Any] = {"image_id": image.image_id, "question": "?", "durable": True}
    call = alpha.ask(**asked, idempotency_key="first")
    await call.read()
    error = await refusal(alpha.answer(**asked))
    assert isinstance(error, QuotaExceeded) and error.retry_after_s
    call.cancel()


async def test_without_the_state_store_nothing_durable_is_accepted(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(state_redis_url=f"redis://127.0.0.1:{free_port()}/0")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    error = await refusal(alpha.answer(image_id=image.image_id, question="?", durable=True))
    assert isinstance(error, StageUnavailable)
    told = await alpha.answer(image_id=image.image_id, question="?")
    assert told[-1].finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED


async def test_a_killed_gateway_is_replaced_and_the_answer_found_by_its_key(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages, tmp_path: Path
) -> None:
    stages.gate = asyncio.Event()
    folders = [tmp_path / "first", tmp_path / "second"]
    asked: dict[str, Any] = {"question": "?", "durable": True, "idempotency_key": "key"}
    asked["image_id"] = (await gateway.caller().upload(png())).image_id
    runs = []
    for number, folder in enumerate(folders):
        folder.mkdir()
        started = start_process("gateway", gateway.environ, folder)
        await asyncio.to_thread(started.wait_listening)
        caller = GatewayServer(started.port, {}).caller()
        call = caller.ask(**asked)
        runs.append((await call.read()).accepted.run_id)
        async with asyncio.timeout(10):
            while not stages.calls["Generate"]:
                await asyncio.sleep(0.01)
        if number == 0:
            started.process.kill()
        else:
            stages.gate.set()
            while not (response := await call.read()).HasField("finished"):
                pass
            assert response.finished.answer == CLEAN_ANSWER
            started.process.terminate()
        await asyncio.to_thread(started.process.wait)
        assert started.process.stdout is not None
        started.process.stdout.close()
        await caller.channel.close()
    assert runs[0] == runs[1]
    assert stages.calls["Generate"] == 1
