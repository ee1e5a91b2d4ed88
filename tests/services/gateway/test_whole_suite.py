"""Everything real: gateway, orchestrator and the four stages, each in its own process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from earthgptx_client import Client, box
from protos.earthgptx.v1 import interpreter_pb2
from shared.errors import NotFound
from shared.security import hash_api_key
from tests.plans import region
from tests.services.collector import Collector
from tests.services.conftest import SUITE_KEY, Suite
from tests.services.gateway.conftest import KEYS, Caller, refusal
from tests.services.gateway.test_interactive import kinds
from tests.services.pictures import png
from tests.services.stage_processes import STAGES, StageProcess, start_process

pytestmark = pytest.mark.timeout(180)


Processes = dict[str, StageProcess]


@pytest.fixture(scope="module")
def processes(
    suite: Suite, state_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    """A whole suite, by name of process."""
    folder = tmp_path_factory.mktemp("whole")
    keys_file = folder / "keys.json"
    keys_file.write_text(json.dumps([{"sha256": hash_api_key(KEYS["alpha"]), "tenant": "alpha"}]))
    addresses = {f"EARTHGPTX_{n.upper()}_ADDR": s.target for n, s in suite.stages.items()}
    environ = suite.environ | addresses | {"EARTHGPTX_STATE_REDIS_URL": state_url}
    own = {"orchestrator": {}, "gateway": {"EARTHGPTX_API_KEYS_FILE": str(keys_file)}}
    started = {name: start_process(name, environ | more, folder) for name, more in own.items()}
    for process in started.values():
        process.wait_listening()
    yield suite.stages | started
    assert [process.stop() for process in started.values()] == [0, 0]


@pytest.fixture
async def caller(processes: Processes) -> AsyncIterator[Caller]:
    """A client of a whole suite."""
    channel = grpc.aio.insecure_channel(processes["gateway"].target)
    yield Caller(channel, [("authorization", f"Bearer {KEYS['alpha']}")])
    await channel.close()


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
    reflect = caller.channel.unary_unary(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await reflect(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_one_trace_leads_from_the_client_through_celery_to_every_stage(
    processes: Processes, spans: Collector
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("an application")
    with (
        Client(processes["gateway"].target, KEYS["alpha"], tracer=tracer) as client,
        tracer.start_as_current_span("an application's own work") as work,
    ):
        marked = {"regions": [box(20, 10, 50, 40)], "durable": True, "timeout_s": 60}
        ask = partial(client.ask, png(320, 256), **marked)
        await asyncio.to_thread(ask, "What is <Region 1>?", max_new_tokens=4)
        await asyncio.to_thread(ask, task="segment_regions")
    trace_id = f"{work.get_span_context().trace_id:032x}"
    async with asyncio.timeout(20):
        while len({process for process, _ in spans.of_trace(trace_id)}) < 6:
            await asyncio.sleep(0.1)
    assert {process for process, _ in spans.of_trace(trace_id)} == set(processes)
    called = {f"{span.context.span_id:016x}" for span in exporter.get_finished_spans()}
    entered = [
        span.parent_span_id.hex()
        for process, span in spans.of_trace(trace_id)
        if process == "gateway" and span.kind == Span.SPAN_KIND_SERVER
    ]
    assert entered and set(entered) <= called


async def test_every_process_is_measured_and_its_log_is_json_without_secrets(
    processes: Processes, caller: Caller, state_url: str
) -> None:
    image = await caller.upload(png(320, 256))
    asked = {"image_id": image.image_id, "question": "Is there a ship?", "max_new_tokens": 2}
    await caller.answer(timeout_s=60, **asked, durable=True)
    for name, metric in (
        ("gateway", "earthgptx_rpc_duration_seconds_count"),
        ("gateway", "earthgptx_gateway_interpretations_ended_total"),
        ("orchestrator", "earthgptx_orchestrator_step_duration_seconds_count"),
        ("orchestrator", "earthgptx_orchestrator_runs_ended_total"),
        *((stage, "earthgptx_rpc_duration_seconds_count") for stage in STAGES),
    ):
        assert processes[name].metric(metric) >= 1, (name, metric)
    for name in ("gateway", "orchestrator"):
        text = processes[name].log_path.read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assert {line["service"] for line in lines} == {name}
        assert SUITE_KEY not in text and KEYS["alpha"] not in text
        assert "Is there a ship" not in text


async def test_a_failed_call_is_found_in_the_log_by_its_trace(
    processes: Processes, caller: Caller
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    caller.metadata.append(("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"))
    error = await refusal(caller.answer(image_id="sha256:" + "0" * 64, question="?"))
    assert isinstance(error, NotFound)
    lines = map(json.loads, processes["gateway"].log_path.read_text().splitlines())
    (line,) = [line for line in lines if line.get("trace_id") == trace_id]
    assert (line["method"], line["code"]) == ("Interpreter/Interpret", "NOT_FOUND")
