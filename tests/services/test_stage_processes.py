"""What holds for every stage as a process: health, drain, reflection, metrics, logs, traces."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from protos.earthgptx.v1 import prompt_encoder_pb2_grpc
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from shared.security import stage_token
from shared.settings import Secret
from tests.services.collector import Collector, running_collector
from tests.services.conftest import SUITE_KEY, Suite
from tests.services.marks import point, region
from tests.services.stage_processes import STAGES, StageProcess, start_process

GRPC_NAMES = {
    "image_encoder": "earthgptx.v1.ImageEncoder",
    "prompt_encoder": "earthgptx.v1.PromptEncoder",
    "reasoner": "earthgptx.v1.Reasoner",
    "mask_decoder": "earthgptx.v1.MaskDecoder",
}
REQUEST = EncodePromptsRequest(
    tenant="alpha", regions=[region(point(5, 5))], image_width_px=96, image_height_px=64
)
AUTHORIZATION = ("authorization", f"Bearer {stage_token(Secret(SUITE_KEY))}")


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_listens_serves_under_every_name(suite: Suite, name: str) -> None:
    with grpc.insecure_channel(suite.stages[name].target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", GRPC_NAMES[name], "liveness"):
            status = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status
            assert status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_tells_what_it_serves(suite: Suite, name: str) -> None:
    with grpc.insecure_channel(suite.stages[name].target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([request]), timeout=5))
        names = {service.name for service in answer.list_services_response.service}
    assert GRPC_NAMES[name] in names


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_counts_its_model_calls(suite: Suite, name: str) -> None:
    stage = suite.stages[name]
    assert stage.metric("earthgptx_stage_batch_size_count", stage=name) >= 1
    assert stage.metric("earthgptx_stage_service_time_seconds_count", stage=name) >= 1
    assert stage.metric("earthgptx_stage_queue_depth", stage=name) == 0


@pytest.mark.parametrize("name", STAGES)
def test_every_log_line_is_json_and_holds_no_secret(suite: Suite, name: str) -> None:
    text = suite.stages[name].log_path.read_text()
    assert SUITE_KEY not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert any(line["message"] == "starting" for line in lines)
    assert all(line["service"] == name for line in lines)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collecting:
        yield collecting


def start_prompt_encoder(suite: Suite, folder: Path, **more: str) -> StageProcess:
    environ = suite.environ | {"EARTHGPTX_WEIGHTS_DIR": str(suite.weights_folder)} | more
    return start_process("prompt_encoder", environ, folder)


async def test_sigterm_refuses_new_calls_ends_running_ones_and_exits_well(
    suite: Suite, tmp_path: Path, collector: Collector
) -> None:
    more = {"EARTHGPTX_OTLP_ENDPOINT": collector.url, "EARTHGPTX_MAX_WAIT_MS": "1500"}
    stage = start_prompt_encoder(suite, tmp_path, **more)
    await asyncio.to_thread(stage.wait_listening)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    metadata = (AUTHORIZATION, ("traceparent", f"00-{trace_id}-b7ad6b7169203331-01"))
    async with grpc.aio.insecure_channel(stage.target) as channel:
        stub = prompt_encoder_pb2_grpc.PromptEncoderStub(channel)
        health = health_pb2_grpc.HealthStub(channel)
        # The long wait for a fuller batch makes this call outlast the signal.
        call = asyncio.ensure_future(stub.EncodePrompts(REQUEST, metadata=metadata, timeout=10))
        await asyncio.sleep(0.3)
        stage.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=1)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await call).encoded.region_count == 1
    assert await asyncio.to_thread(stage.stop) == 0
    spans = {span.name: span for _, span in collector.of_trace(trace_id)}
    assert set(spans) == {"PromptEncoder/EncodePrompts", "prompt_encoder.model"}
    assert len(spans["prompt_encoder.model"].links) == 1
    log = (tmp_path / "prompt_encoder.log").read_text()
    assert "stopped" in log


def test_a_stage_without_weights_says_so_and_exits(suite: Suite, tmp_path: Path) -> None:
    stage = start_prompt_encoder(suite, tmp_path, EARTHGPTX_WEIGHTS_DIR="/nowhere")
    assert stage.process.wait(60) != 0
    assert stage.process.stdout is not None
    stage.process.stdout.close()
    assert "/nowhere" in stage.log_path.read_text()


BREAKABLE = """
from pathlib import Path
from services.prompt_encoder import engine, server
from shared.serving import run_process
from shared.settings import StageSettings

load = engine.load_prompt_encoder

def load_breakable(folder, device, dtype):
    model = load(folder, device, dtype)
    encode = model.encode

    def encode_or_break(rasters):
        if Path({flag!r}).exists():
            raise RuntimeError("the card fell off the bus")
        return encode(rasters)

    model.encode = encode_or_break
    return model

engine.load_prompt_encoder = load_breakable
run_process("prompt_encoder", StageSettings, server.open_service)
"""


async def test_a_model_that_breaks_is_not_serving_until_it_answers_again(
    suite: Suite, tmp_path: Path
) -> None:
    flag = tmp_path / "broken"
    environ = suite.environ | {"EARTHGPTX_WEIGHTS_DIR": str(suite.weights_folder)}
    program = BREAKABLE.format(flag=str(flag))
    stage = start_process("prompt_encoder", environ, tmp_path, program)
    await asyncio.to_thread(stage.wait_listening)
    async with grpc.aio.insecure_channel(stage.target) as channel:
        stub = prompt_encoder_pb2_grpc.PromptEncoderStub(channel)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        flag.touch()
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.EncodePrompts(REQUEST, metadata=(AUTHORIZATION,), timeout=5)
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert "card" not in (caught.value.details() or "")
        async with asyncio.timeout(10):
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        flag.unlink()
        async with asyncio.timeout(10):
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await stub.EncodePrompts(REQUEST, metadata=(AUTHORIZATION,), timeout=5)
        # An open watch must not hold the drain up.
        stage.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(stage.process.wait, 10) == 0
    stage.stop()
