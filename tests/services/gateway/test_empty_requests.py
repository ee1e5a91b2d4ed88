"""A request with nothing in it: what the contract says of each field's absence holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from protos.earthgptx.v1 import images_pb2, interpreter_pb2, workflows_pb2
from shared.rich_status import from_rpc_error
from tests.services.gateway.conftest import Caller

SERVICES = [
    file.services_by_name[name]
    for file, name in (
        (images_pb2.DESCRIPTOR, "Images"),
        (interpreter_pb2.DESCRIPTOR, "Interpreter"),
        (workflows_pb2.DESCRIPTOR, "Workflows"),
    )
]
METHODS = [(service, method) for service in SERVICES for method in service.methods]

ENDS = {
    "UploadImage": "InvalidInput: header",
    "GetImage": "NotFound: image_id",
    "DeleteImage": "OK",
    "BeginUpload": "InvalidInput: size_bytes",
    "UploadPart": "InvalidInput: header",
    "GetUpload": "NotFound: upload_id",
    "CompleteUpload": "NotFound: upload_id",
    "AbortUpload": "OK",
    "Interpret": "InvalidInput: question",
    "ValidateWorkflow": "InvalidInput: workflow",
    "CreateWorkflow": "InvalidInput: workflow",
    "ListWorkflows": "OK",
    "GetWorkflow": "InvalidInput: workflow.name",
    "DeleteWorkflow": "OK",
    "RunWorkflow": "InvalidInput: workflow",
    "GetRun": "NotFound: run_id",
    "ListRuns": "OK",
    "WatchRun": "NotFound: run_id",
    "CancelRun": "NotFound: run_id",
    "ResumeRun": "NotFound: run_id",
    "RerunRun": "NotFound: run_id",
    "GetRunOutput": "NotFound: run_id",
    "GetRunFile": "NotFound: run_id",
}


async def outcome(caller: Caller, service: ServiceDescriptor, method: MethodDescriptor) -> str:
    """Name of the error an empty request ends with, and of its field; "OK" if it is answered."""
    empty = GetMessageClass(method.input_type)()

    async def stream() -> AsyncIterator[Any]:
        yield empty

    kinds = {False: "unary", True: "stream"}
    shape = f"{kinds[method.client_streaming]}_{kinds[method.server_streaming]}"
    call = getattr(caller.channel, shape)(
        f"/{service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )(stream() if method.client_streaming else empty, metadata=caller.metadata, timeout=10)
    try:
        if method.server_streaming:
            async for _ in call:
                pass
        else:
            await call
    except grpc.RpcError as error:
        refused = from_rpc_error(error)
        return f"{type(refused).__name__}: {refused.field}"
    return "OK"


def test_every_public_method_is_tried() -> None:
    assert {method.name for _, method in METHODS} == set(ENDS)


@pytest.mark.parametrize(("service", "method"), METHODS, ids=lambda described: described.name)
async def test_a_request_with_nothing_in_it_ends_as_its_proto_says(
    alpha: Caller, service: ServiceDescriptor, method: MethodDescriptor
) -> None:
    assert await outcome(alpha, service, method) == ENDS[method.name]
