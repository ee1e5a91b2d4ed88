"""Both interceptors over real gRPC: one server, its own stub, every way a call can end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import grpc
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from protos.earthgptx.v1 import (
    prompt_encoder_pb2,
    prompt_encoder_pb2_grpc,
    reasoner_pb2,
    reasoner_pb2_grpc,
)
from shared import rpc_context
from shared.client_interceptor import open_channel
from shared.errors import (
    DeadlineExceeded,
    Internal,
    InvalidInput,
    QueueFull,
    StageUnavailable,
    SuiteError,
    Unauthenticated,
)
from shared.security import check_stage_token, stage_token
from shared.server_interceptor import ServerInterceptor
from shared.settings import Secret
from shared.telemetry import Telemetry
from tests.shared.metering import metric_sum

KEY = Secret("a suite key of at least 32 letters")


@pytest.fixture(autouse=True)
def call_of_its_own() -> Iterator[None]:
    """What a plain test sets would otherwise hold for all that come after it in the process."""
    yield
    rpc_context.set_call(None, "")


class Stage(reasoner_pb2_grpc.ReasonerServicer, prompt_encoder_pb2_grpc.PromptEncoderServicer):
    """Does what the question says."""

    def __init__(self) -> None:
        self.remaining_s: float | None = None
        self.priority = ""
        self.company = 0
        self.ended: asyncio.Event = asyncio.Event()
        self.behave: Callable[[], Awaitable[None]] = self.nothing

    async def nothing(self) -> None:
        return

    async def EncodePrompts(
        self, request: prompt_encoder_pb2.EncodePromptsRequest, context: object
    ) -> prompt_encoder_pb2.EncodePromptsResponse:
        self.remaining_s = rpc_context.remaining_s()
        self.priority = rpc_context.priority()
        self.company = rpc_context.company()
        try:
            await self.behave()
        finally:
            self.ended.set()
        return prompt_encoder_pb2.EncodePromptsResponse()

    async def Generate(
        self, request: reasoner_pb2.GenerateRequest, context: object
    ) -> AsyncIterator[reasoner_pb2.GenerateResponse]:
        self.remaining_s = rpc_context.remaining_s()
        try:
            yield reasoner_pb2.GenerateResponse(text=reasoner_pb2.TextDelta(text="one"))
            await self.behave()
            yield reasoner_pb2.GenerateResponse(text=reasoner_pb2.TextDelta(text="two"))
        finally:
            self.ended.set()


class Wire:
    """A running server and a channel to it."""

    def __init__(self, of_suite: bool = True) -> None:
        self.stage = Stage()
        self.outcomes: list[SuiteError | None] = []
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracer = self.provider.get_tracer("test")
        meters = MeterProvider(metric_readers=[self.reader])
        telemetry = Telemetry(self.tracer, meters.get_meter("test"), self.provider, meters, 0, None)

        def authenticate(authorization: str) -> str:
            check_stage_token(authorization, stage_token(KEY))
            return "suite"

        edge = ServerInterceptor(telemetry, authenticate, self.outcomes.append, of_suite=of_suite)
        self.server = grpc.aio.server(interceptors=(edge,))
        reasoner_pb2_grpc.add_ReasonerServicer_to_server(self.stage, self.server)
        prompt_encoder_pb2_grpc.add_PromptEncoderServicer_to_server(self.stage, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    def open(self, key: Secret = KEY) -> grpc.aio.Channel:
        return open_channel(f"127.0.0.1:{self.port}", key, self.tracer)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    await made.server.start()
    yield made
    await made.server.stop(0)


async def call(channel: grpc.aio.Channel, timeout_s: float | None = 5.0) -> None:
    stub = prompt_encoder_pb2_grpc.PromptEncoderStub(channel)
    await stub.EncodePrompts(prompt_encoder_pb2.EncodePromptsRequest(), timeout=timeout_s)


async def texts(channel: grpc.aio.Channel, timeout_s: float | None = 5.0) -> list[str]:
    stub = reasoner_pb2_grpc.ReasonerStub(channel)
    stream = stub.Generate(reasoner_pb2.GenerateRequest(), timeout=timeout_s)
    return [response.text.text async for response in stream]


async def test_calls_of_both_kinds_pass(wire: Wire) -> None:
    async with wire.open() as channel:
        await call(channel)
        assert await texts(channel) == ["one", "two"]
    assert wire.outcomes == [None, None]


async def test_the_stage_knows_how_pressing_a_call_is(wire: Wire) -> None:
    async with wire.open() as channel:
        await call(channel)
        assert wire.stage.priority == "interactive"
        rpc_context.set_call(None, "bulk", "batch")
        await call(channel)
        assert wire.stage.priority == "batch"


async def test_the_stage_knows_how_many_calls_like_it_are_under_way(wire: Wire) -> None:
    under_way = 3
    async with wire.open() as channel:
        await call(channel)
        assert wire.stage.company == 1
        rpc_context.set_call(None, "bulk", "batch", lambda: under_way)
        under_way = 17
        await call(channel)
        assert wire.stage.company == 17


async def test_the_word_of_who_is_not_of_the_suite_on_its_company_does_not_count() -> None:
    wire = Wire(of_suite=False)
    await wire.server.start()
    rpc_context.set_call(None, "bulk", "batch", lambda: 17)
    async with wire.open() as channel:
        await call(channel)
    assert (wire.stage.priority, wire.stage.company) == ("batch", 1)
    await wire.server.stop(0)


@pytest.mark.parametrize("told", ["", "0", "-5", "many", "1.5", "9" * 40])
def test_company_that_is_no_number_is_none(told: str) -> None:
    rpc_context.set_call(None, "bulk", "batch", rpc_context.company_told(told))
    assert rpc_context.company() == 1


@pytest.mark.parametrize("kind", [call, texts])
async def test_a_suite_error_arrives_as_itself(
    wire: Wire, kind: Callable[..., Awaitable[object]]
) -> None:
    async def refuse() -> None:
        raise QueueFull("no room", limit="3 requests", retry_after_s=0.5)

    wire.stage.behave = refuse
    async with wire.open() as channel:
        with pytest.raises(QueueFull) as caught:
            await kind(channel)
    assert (caught.value.message, caught.value.limit) == ("no room", "3 requests")
    assert caught.value.retry_after_s == 0.5


@pytest.mark.parametrize("kind", [call, texts])
async def test_an_unknown_exception_is_opaque_to_the_caller_and_traced_in_the_log(
    wire: Wire, kind: Callable[..., Awaitable[object]], caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down() -> None:
        raise ZeroDivisionError("the secret is 42")

    wire.stage.behave = break_down
    async with wire.open() as channel:
        with pytest.raises(Internal) as caught:
            await kind(channel)
    assert "42" not in str(caught.value)
    assert "the secret is 42" in caplog.text
    assert isinstance(wire.outcomes[0], Internal)


async def test_a_caller_without_the_suite_key_is_refused(wire: Wire) -> None:
    async with wire.open(Secret("another key of at least 32 letters")) as channel:
        with pytest.raises(Unauthenticated):
            await call(channel)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{wire.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(channel)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_deadline_reaches_the_stage_and_shrinks_on_the_way(wire: Wire) -> None:
    async with wire.open() as channel:
        await call(channel, 3.0)
        assert wire.stage.remaining_s is not None
        # grpc rounds what it sends up by some milliseconds.
        assert 2.5 < wire.stage.remaining_s < 3.1
        rpc_context.set_call(time.monotonic() + 1.0, "")
        await call(channel, 3.0)
        assert 0.5 < wire.stage.remaining_s < 1.0
        rpc_context.set_call(time.monotonic() + 0.001, "")
        with pytest.raises(DeadlineExceeded):
            await call(channel, 3.0)
    rpc_context.set_call(None, "")


@pytest.mark.parametrize("kind", [call, texts])
async def test_a_passed_deadline_ends_the_handler(
    wire: Wire, kind: Callable[..., Awaitable[object]]
) -> None:
    wire.stage.behave = lambda: asyncio.sleep(30)
    async with wire.open() as channel:
        with pytest.raises(DeadlineExceeded):
            await kind(channel, 0.2)
        async with asyncio.timeout(1):
            await wire.stage.ended.wait()


@pytest.mark.parametrize("kind", [call, texts])
async def test_a_cancelled_caller_ends_the_handler_at_once(
    wire: Wire, kind: Callable[..., Awaitable[object]]
) -> None:
    wire.stage.behave = lambda: asyncio.sleep(30)
    async with wire.open() as channel:
        task = asyncio.ensure_future(kind(channel))
        await asyncio.sleep(0.2)
        task.cancel()
        cancelled_at = time.monotonic()
        async with asyncio.timeout(1):
            await wire.stage.ended.wait()
        assert time.monotonic() - cancelled_at < 0.1
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(1):
            while not wire.outcomes:
                await asyncio.sleep(0.005)
    assert wire.outcomes[0] is not None
    assert wire.outcomes[0].code == "CANCELLED"


async def test_a_reader_that_stops_early_ends_the_handler(wire: Wire) -> None:
    wire.stage.behave = lambda: asyncio.sleep(30)
    async with wire.open() as channel:
        stub = reasoner_pb2_grpc.ReasonerStub(channel)
        stream = stub.Generate(reasoner_pb2.GenerateRequest())
        async for _ in stream:
            break
        stream.cancel()
        async with asyncio.timeout(1):
            await wire.stage.ended.wait()


async def test_a_stage_that_is_not_there_is_unavailable(wire: Wire) -> None:
    await wire.server.stop(0)
    async with wire.open() as channel:
        with pytest.raises(StageUnavailable):
            await call(channel, 3.0)


async def test_one_trace_goes_through_client_and_server(wire: Wire) -> None:
    async with wire.open() as channel:
        with wire.tracer.start_as_current_span("root"):
            await call(channel)
            await texts(channel)
    spans = wire.spans.get_finished_spans()
    assert len({span.context.trace_id for span in spans}) == 1
    assert len(spans) == 5
    by_id = {span.context.span_id: span for span in spans}
    kinds = {span.kind.name: by_id[span.parent.span_id].name for span in spans if span.parent}
    assert kinds["SERVER"] in ("PromptEncoder/EncodePrompts", "Reasoner/Generate")


async def test_calls_in_flight_return_to_zero_however_they_end(wire: Wire) -> None:
    async def refuse() -> None:
        raise InvalidInput("no", field="x")

    async with wire.open() as channel:
        await call(channel)
        wire.stage.behave = refuse
        for kind in (call, texts):
            with pytest.raises(InvalidInput):
                await kind(channel)
    assert metric_sum(wire.reader, "earthgptx_rpc_in_flight") == 0
