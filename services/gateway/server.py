"""The public gRPC services: who asks is known by the API key before anything else happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from protos.earthgptx.v1 import (
    images_pb2_grpc,
    interpreter_pb2,
    interpreter_pb2_grpc,
    workflows_pb2_grpc,
)
from services.gateway.engine import Gateway
from services.gateway.images_servicer import ImagesServicer
from services.gateway.settings import GatewaySettings
from services.gateway.workflows.servicer import WorkflowsServicer
from shared import rpc_context
from shared.security import ApiKeys, bearer
from shared.serving import Service
from shared.telemetry import Telemetry


class InterpreterServicer(interpreter_pb2_grpc.InterpreterServicer):
    """`earthgptx.v1.Interpreter`."""

    def __init__(self, gateway: Gateway) -> None:
        """Serves `gateway`."""
        self._gateway = gateway

    async def Interpret(
        self,
        request: interpreter_pb2.InterpretRequest,
        context: grpc.aio.ServicerContext[
            interpreter_pb2.InterpretRequest, interpreter_pb2.InterpretResponse
        ],
    ) -> AsyncIterator[interpreter_pb2.InterpretResponse]:
        """Streams the answer; ends with exactly one Finished."""
        async with aclosing(self._gateway.interpret(request, rpc_context.caller())) as told:
            async for response in told:
                yield response


def open_service(settings: GatewaySettings, telemetry: Telemetry) -> Service:
    """Opens the gateway. No reflection: its port is public."""
    api_keys = ApiKeys.read(settings.api_keys_file)
    gateway = Gateway.open(settings, telemetry)

    def add_to(server: grpc.aio.Server) -> None:
        images_pb2_grpc.add_ImagesServicer_to_server(ImagesServicer(gateway), server)
        interpreter_pb2_grpc.add_InterpreterServicer_to_server(InterpreterServicer(gateway), server)
        workflows = WorkflowsServicer(gateway.workflows)
        workflows_pb2_grpc.add_WorkflowsServicer_to_server(workflows, server)

    return Service(
        grpc_names=("earthgptx.v1.Images", "earthgptx.v1.Interpreter", "earthgptx.v1.Workflows"),
        add_to=add_to,
        probe=gateway.probe,
        close=gateway.close,
        authenticate=lambda authorization: api_keys.tenant_of(bearer(authorization)),
    )
