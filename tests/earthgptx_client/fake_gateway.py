"""A gateway that says what it is told to: real gRPC, no model. For tests of the client alone."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from protos.earthgptx.v1 import (
    images_pb2,
    images_pb2_grpc,
    interpreter_pb2,
    interpreter_pb2_grpc,
)

API_KEY = "egx_test"
Reply = Callable[[interpreter_pb2.InterpretRequest, Any], Iterator[Any]]


@dataclass
class Refusal:
    """A gRPC status with details, as the suite sends it."""

    status: grpc.StatusCode
    reason: str
    message: str
    field: str = ""
    limit: str = ""
    retry_after_s: float | None = None

    def raise_in(self, context: Any) -> None:
        info = ErrorInfo(reason=self.reason, domain="earthgptx")
        if self.field:
            info.metadata["field"] = self.field
        if self.limit:
            info.metadata["limit"] = self.limit
        details: list[Any] = [info]
        if self.field:
            violation = BadRequest.FieldViolation(field=self.field, description=self.message)
            details.append(BadRequest(field_violations=[violation]))
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromNanoseconds(int(self.retry_after_s * 1e9))
            details.append(RetryInfo(retry_delay=delay))
        status = Status(code=self.status.value[0], message=self.message)
        for detail in details:
            status.details.add().Pack(detail)
        context.abort_with_status(rpc_status.to_status(status))


@dataclass
class FakeGateway:
    """What was asked of it, and what it answers."""

    address: str = ""
    images: dict[str, images_pb2.ImageInfo] = field(default_factory=dict)
    uploads: int = 0
    requests: list[interpreter_pb2.InterpretRequest] = field(default_factory=list)
    reply: Reply = field(default=lambda request, context: answer("harbor"))
    refusals: list[Refusal] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    traceparents: list[str] = field(default_factory=list)


def answer(
    text: str,
    *,
    boxes: list[interpreter_pb2.GroundedBoxes] | None = None,
    masks: list[interpreter_pb2.GroundedMask] | None = None,
    pause_s: float = 0.0,
) -> Iterator[interpreter_pb2.InterpretResponse]:
    """The events of a good answer, word by word."""
    response = interpreter_pb2.InterpretResponse
    window = interpreter_pb2.Accepted(run_id="run-1")
    window.window.side_px = 64
    yield response(accepted=window)
    for word in text.split(" "):
        time.sleep(pause_s)
        yield response(text=interpreter_pb2.AnswerText(text=word + " "))
    for group in boxes or []:
        yield response(boxes=group)
    for mask in masks or []:
        yield response(mask=mask)
    usage = interpreter_pb2.Usage(prompt_tokens=3, new_tokens=2, duration_s=0.01)
    finished = interpreter_pb2.Finished(
        state=interpreter_pb2.TERMINAL_STATE_SUCCEEDED, answer=text, raw_answer=text, usage=usage
    )
    yield response(finished=finished)


def failed(code: str, message: str) -> Iterator[interpreter_pb2.InterpretResponse]:
    """Accepted, then failed."""
    response = interpreter_pb2.InterpretResponse
    yield response(accepted=interpreter_pb2.Accepted(run_id="run-1"))
    failure = interpreter_pb2.Failure(code=code, message=message)
    state = interpreter_pb2.TERMINAL_STATE_FAILED
    yield response(finished=interpreter_pb2.Finished(state=state, failure=failure))


class _Servicer(images_pb2_grpc.ImagesServicer, interpreter_pb2_grpc.InterpreterServicer):
    def __init__(self, gateway: FakeGateway) -> None:
        self._gateway = gateway

    def UploadImage(self, request_iterator: Any, context: Any) -> Any:
        self._admit(context)
        parts = list(request_iterator)
        assert parts[0].HasField("header")
        data = b"".join(part.chunk for part in parts[1:])
        image_id = f"sha256:{hashlib.sha256(data).hexdigest()}"
        info = images_pb2.ImageInfo(
            image_id=image_id,
            width_px=64,
            height_px=64,
            band_count=3,
            format="PNG",
            band_dtype="uint8",
            size_bytes=len(data),
            expires_at_ms=int((time.time() + 3600) * 1000),
        )
        self._gateway.images[image_id] = info
        self._gateway.uploads += 1
        return images_pb2.UploadImageResponse(image=info)

    def GetImage(self, request: Any, context: Any) -> Any:
        self._admit(context)
        if request.image_id not in self._gateway.images:
            Refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "no such image").raise_in(context)
        return images_pb2.GetImageResponse(image=self._gateway.images[request.image_id])

    def DeleteImage(self, request: Any, context: Any) -> Any:
        self._admit(context)
        self._gateway.images.pop(request.image_id, None)
        return images_pb2.DeleteImageResponse()

    def Interpret(self, request: Any, context: Any) -> Any:
        self._admit(context)
        context.add_callback(self._gateway.cancelled.set)
        self._gateway.requests.append(request)
        if self._gateway.refusals:
            self._gateway.refusals.pop(0).raise_in(context)
        yield from self._gateway.reply(request, context)

    def _admit(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self._gateway.traceparents.append(metadata.get("traceparent", ""))
        if metadata.get("authorization") != f"Bearer {API_KEY}":
            reason = "UNAUTHENTICATED"
            Refusal(grpc.StatusCode.UNAUTHENTICATED, reason, "unknown API key").raise_in(context)


def serve_fake(gateway: FakeGateway) -> grpc.Server:
    """Starts it on a free port; its address is then in `gateway.address`."""
    server = grpc.server(ThreadPoolExecutor(4))
    servicer = _Servicer(gateway)
    images_pb2_grpc.add_ImagesServicer_to_server(servicer, server)
    interpreter_pb2_grpc.add_InterpreterServicer_to_server(servicer, server)
    gateway.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    return server
