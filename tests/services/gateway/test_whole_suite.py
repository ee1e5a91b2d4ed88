"""Everything real: gateway, orchestrator and the four stages, each in its own process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from protos.earthgptx.v1 import interpreter_pb2
from shared.security import hash_api_key
from tests.plans import region
from tests.services.conftest import Suite
from tests.services.gateway.conftest import KEYS, Caller
from tests.services.gateway.test_interactive import kinds
from tests.services.pictures import png
from tests.services.stage_processes import StageProcess, start_process

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def caller(suite: Suite, state_url: str, tmp_path: Path) -> AsyncIterator[Caller]:
    """A client of a whole suite."""
    keys_file = tmp_path / "keys.json"
    keys_file.write_text(json.dumps([{"sha256": hash_api_key(KEYS["alpha"]), "tenant": "alpha"}]))
    addresses = {f"EARTHGPTX_{n.upper()}_ADDR": s.target for n, s in suite.stages.items()}
    environ = suite.environ | addresses | {"EARTHGPTX_STATE_REDIS_URL": state_url}
    started: list[StageProcess] = []
    for name, more in (
        ("orchestrator", {}),
        ("gateway", {"EARTHGPTX_API_KEYS_FILE": str(keys_file)}),
    ):
        started.append(start_process(name, environ | more, tmp_path))
        await asyncio.to_thread(started[-1].wait_listening)
    channel = grpc.aio.insecure_channel(started[-1].target)
    yield Caller(channel, [("authorization", f"Bearer {KEYS['alpha']}")])
    await channel.close()
    statuses = [await asyncio.to_thread(process.stop) for process in started]
    assert statuses == [0, 0]


async def test_both_executors_answer_alike_with_the_real_model(caller: Caller) -> None:
    image = await caller.upload(png(320, 256))
    asked = {
        "image_id": image.image_id,
        "question": "Describe <Region 1>.",
        "regions": [region()],
        "max_new_tokens": 24,
    }
    now = await caller.answer(timeout_s=60, **asked)
    durable = await caller.answer(timeout_s=60, **asked, durable=True)
    for told in (now, durable):
        assert (kinds(told)[0], kinds(told)[-1]) == ("accepted", "finished")
        assert told[-1].finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED
        assert told[-1].finished.usage.new_tokens > 0
    assert now[-1].finished.raw_answer == durable[-1].finished.raw_answer
    assert durable[-1].finished.usage.image_from_cache


async def test_regions_are_segmented_with_the_real_model(caller: Caller) -> None:
    image = await caller.upload(png(320, 256))
    task = interpreter_pb2.TASK_SEGMENT_REGIONS
    for durable in (False, True):
        told = await caller.answer(
            timeout_s=60, image_id=image.image_id, regions=[region()], task=task, durable=durable
        )
        (mask,) = (response.mask for response in told if response.HasField("mask"))
        assert (mask.mask.width_px, mask.mask.height_px) == (320, 256)
        assert told[-1].finished.state == interpreter_pb2.TERMINAL_STATE_SUCCEEDED


async def test_the_public_port_tells_its_health_and_nothing_of_itself(caller: Caller) -> None:
    health = health_pb2_grpc.HealthStub(caller.channel)
    for name in ("", "earthgptx.v1.Images", "earthgptx.v1.Interpreter"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await reflection.ServerReflectionInfo(iter([request])).read()
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
