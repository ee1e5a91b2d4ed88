import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from earthgptx_client import (
    Accepted,
    Client,
    ClientError,
    Finished,
    Text,
    box,
    mask,
    point,
    polygon,
    scribble,
)
from protos.earthgptx.v1 import geometry_pb2, interpreter_pb2
from tests.earthgptx_client.fake_gateway import API_KEY, FakeGateway, Refusal, answer, failed

FULL = grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_answer_comes_as_typed_events_in_order(client: Client, picture: Path):
    events = list(client.interpret(picture, "what is this?"))
    assert [type(event) for event in events] == [Accepted, Text, Finished]
    assert events[-1].state == "succeeded"


def test_ask_gathers_text_boxes_and_masks(client: Client, gateway: FakeGateway, picture: Path):
    square = geometry_pb2.Box(x0_px=1, y0_px=2, x1_px=3, y1_px=4)
    rle = mask(np.eye(64, dtype=bool)).marks[0].mask
    gateway.reply = lambda request, context: answer(
        "two ships",
        boxes=[interpreter_pb2.GroundedBoxes(phrase="ships", boxes=[square])],
        masks=[interpreter_pb2.GroundedMask(phrase="ship", mask=rle, area_px=64, score=0.5)],
    )
    got = client.ask(picture, "detect all ships")
    assert got.text == "two ships"
    assert got.boxes[0].boxes_xyxy_px == ((1, 2, 3, 4),)
    assert np.array_equal(got.masks[0].to_array(), np.eye(64, dtype=bool))


def test_an_image_is_sent_once_however_often_it_is_asked_about(
    client: Client, gateway: FakeGateway, picture: Path
):
    client.ask(picture, "one")
    client.ask(picture.read_bytes(), "two")
    assert gateway.uploads == 1


def test_an_image_that_is_about_to_expire_is_sent_again(
    client: Client, gateway: FakeGateway, picture: Path
):
    uploaded = client.upload(picture)
    gateway.images[uploaded.image_id].expires_at_ms = int(time.time() * 1000) + 1000
    client.upload(picture)
    assert gateway.uploads == 2


def test_a_large_image_goes_in_pieces_and_arrives_whole(client: Client):
    data = np.random.default_rng(0).bytes(3_000_001)
    assert client.upload(data).size_bytes == len(data)


def test_an_upload_tells_how_far_it_is(client: Client):
    told: list[tuple[int, int]] = []
    data = bytes(range(256)) * 8192
    client.upload(data, on_sent=lambda sent, total: told.append((sent, total)))
    assert told[-1] == (len(data), len(data))
    assert told == sorted(told) and len(told) == 4


def test_the_suite_goes_on_with_the_trace_of_the_caller(gateway: FakeGateway, picture: Path):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with Client(gateway.address, API_KEY, tracer=tracer) as client:
        client.ask(picture, "?")
        gateway.reply = lambda request, context: failed("INTERNAL", "a fault of ours")
        with pytest.raises(ClientError):
            client.ask(picture, "?")
    spans = exporter.get_finished_spans()
    sent = ["-".join(parent.split("-")[1:3]) for parent in gateway.traceparents]
    assert sent == [f"{s.context.trace_id:032x}-{s.context.span_id:016x}" for s in spans]
    names = ["Images/GetImage", "Images/UploadImage", "Interpreter/Interpret"]
    assert [span.name for span in spans] == [*names, "Images/GetImage", "Interpreter/Interpret"]


def test_without_a_provider_of_traces_nothing_is_sent(client: Client, gateway: FakeGateway):
    client.upload(b"picture")
    assert set(gateway.traceparents) == {""}


def test_every_kind_of_mark_is_sent_as_it_was_drawn(
    client: Client, gateway: FakeGateway, picture: Path
):
    drawn = [
        point(1, 2) + point(3, 4),
        box(0, 0, 5, 6),
        polygon([(0, 0), (4, 0), (4, 4)]),
        scribble([(1, 1), (2, 2)], width_px=3),
        mask(np.ones((64, 64), bool)),
    ]
    client.ask(picture, "what is <Region 1>?", regions=drawn, modality="sar", zoom="whole")
    sent = gateway.requests[0]
    kinds = [[mark.WhichOneof("shape") for mark in region.marks] for region in sent.regions]
    assert kinds == [["point", "point"], ["box"], ["polygon"], ["scribble"], ["mask"]]
    assert sent.modality == geometry_pb2.MODALITY_SAR
    assert sent.zoom == interpreter_pb2.ZOOM_WHOLE_IMAGE


@pytest.mark.parametrize(
    ("draw", "field"),
    [
        (lambda: box(5, 5, 5, 9), "box"),
        (lambda: point(float("nan"), 0), "point"),
        (lambda: polygon([(0, 0), (1, 1)]), "polygon"),
        (lambda: scribble([]), "scribble"),
        (lambda: scribble([(0, 0)] * 1025), "scribble"),
        (lambda: scribble([(0, 0)], width_px=-1), "scribble"),
        (lambda: mask(np.zeros((4, 4), bool)), "mask"),
    ],
)
def test_a_mark_that_cannot_be_is_refused_where_it_is_drawn(draw, field):
    with pytest.raises(ClientError) as caught:
        draw()
    assert (caught.value.code, caught.value.field) == ("INVALID_INPUT", field)


def test_a_request_too_large_for_a_message_is_the_callers_to_mend(client: Client, picture: Path):
    crumbs = np.random.default_rng(0).random((2000, 2000)) > 0.5
    with pytest.raises(ClientError) as caught:
        client.ask(picture, "?", regions=[mask(crumbs)] * 4)
    assert (caught.value.code, caught.value.field) == ("INVALID_INPUT", "request")
    assert caught.value.limit


def test_a_full_queue_is_tried_again_after_the_time_it_asked_for(
    client: Client, gateway: FakeGateway, picture: Path
):
    gateway.refusals = [Refusal(FULL, "QUEUE_FULL", "full", retry_after_s=0.3)]
    began = time.monotonic()
    assert client.ask(picture, "?").text == "harbor"
    assert time.monotonic() - began >= 0.3
    assert len(gateway.requests) == 2


def test_a_refusal_that_no_retry_helps_is_not_tried_again(
    client: Client, gateway: FakeGateway, picture: Path
):
    status = grpc.StatusCode.INVALID_ARGUMENT
    gateway.refusals = [Refusal(status, "INVALID_INPUT", "too long", "question", "4,096 bytes")]
    with pytest.raises(ClientError) as caught:
        client.ask(picture, "?")
    error = caught.value
    assert (error.code, error.field, error.limit) == ("INVALID_INPUT", "question", "4,096 bytes")
    assert not error.retryable
    assert len(gateway.requests) == 1


def test_no_retry_begins_that_the_deadline_would_cut(
    client: Client, gateway: FakeGateway, picture: Path
):
    gateway.refusals = [Refusal(FULL, "QUEUE_FULL", "full", retry_after_s=60)]
    began = time.monotonic()
    with pytest.raises(ClientError) as caught:
        client.ask(picture, "?", timeout_s=5)
    assert caught.value.retryable
    assert caught.value.retry_after_s == 60
    assert time.monotonic() - began < 4


def test_what_has_begun_to_speak_is_not_asked_again(
    client: Client, gateway: FakeGateway, picture: Path
):
    def breaks(request, context):
        yield from list(answer("half an answer"))[:2]
        Refusal(grpc.StatusCode.UNAVAILABLE, "STAGE_UNAVAILABLE", "gone").raise_in(context)

    gateway.reply = breaks
    with pytest.raises(ClientError, match="gone"):
        list(client.interpret(picture, "?"))
    assert len(gateway.requests) == 1


def test_a_slow_answer_ends_at_the_deadline(client: Client, gateway: FakeGateway, picture: Path):
    gateway.reply = lambda request, context: answer("a b c d e f", pause_s=0.3)
    with pytest.raises(ClientError) as caught:
        client.ask(picture, "?", timeout_s=0.5)
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_leaving_the_events_cancels_the_request(
    client: Client, gateway: FakeGateway, picture: Path
):
    gateway.reply = lambda request, context: answer("a b c d e f", pause_s=0.2)
    events = client.interpret(picture, "?")
    next(events)
    events.close()
    assert gateway.cancelled.wait(1.0)


def test_a_failure_after_acceptance_is_an_error(
    client: Client, gateway: FakeGateway, picture: Path
):
    gateway.reply = lambda request, context: failed("INTERNAL", "a fault of ours")
    with pytest.raises(ClientError, match="a fault of ours"):
        client.ask(picture, "?")


def test_a_wrong_key_is_told_as_such(gateway: FakeGateway, picture: Path):
    with Client(gateway.address, "wrong") as client, pytest.raises(ClientError) as caught:
        client.upload(picture)
    assert caught.value.code == "UNAUTHENTICATED"


def test_an_address_where_nobody_listens_is_unreachable_at_once(picture: Path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    began = time.monotonic()
    with Client(address, "k") as client, pytest.raises(ClientError) as caught:
        client.upload(picture)
    assert caught.value.code == "UNREACHABLE"
    assert time.monotonic() - began < 5


def test_retries_of_a_durable_request_are_one_run(
    client: Client, gateway: FakeGateway, picture: Path
):
    gateway.refusals = [Refusal(FULL, "QUEUE_FULL", "full", retry_after_s=0.01)]
    client.ask(picture, "?", durable=True)
    keys = {request.idempotency_key for request in gateway.requests}
    assert len(gateway.requests) == 2
    assert len(keys) == 1
    assert keys != {""}


@pytest.mark.parametrize(
    ("argument", "value"), [("modality", "radar"), ("zoom", "closer"), ("task", "sing")]
)
def test_an_unknown_choice_is_refused_with_those_there_are(
    client: Client, picture: Path, argument, value
):
    with pytest.raises(ClientError) as caught:
        client.ask(picture, "?", **{argument: value})
    assert caught.value.field == argument
    assert caught.value.limit


def test_a_call_that_an_interrupt_left_half_begun_keeps_neither_close_nor_the_process(
    gateway: FakeGateway,
):
    half_begun = """
import sys
from grpc._cython import cygrpc
from earthgptx_client import Client

with Client(sys.argv[1]) as client:
    # As a call begins, but for the thread that would wait for its end.
    started = (((cygrpc.ReceiveStatusOnClientOperation(0),), None),)
    client._channel._channel.integrated_call(0, b"/none", None, None, (), None, started, None)
print("closed")
"""
    command = [sys.executable, "-c", half_begun, gateway.address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "closed\n", "")
