from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from redis.asyncio import Redis

from protos.earthgptx.v1 import (
    images_pb2,
    images_pb2_grpc,
    interpreter_pb2,
    interpreter_pb2_grpc,
    workflows_pb2_grpc,
)
from services.gateway.server import open_service
from services.gateway.settings import GatewaySettings
from shared.client_interceptor import MAX_MESSAGE_BYTES
from shared.errors import SuiteError
from shared.rich_status import from_rpc_error
from shared.security import hash_api_key
from shared.server_interceptor import ServerInterceptor
from shared.settings import read_settings
from shared.telemetry import start_telemetry
from tests.fakes import Stages, addresses, serve_fakes
from tests.services.pictures import png
from tests.services.stage_processes import StageProcess, start_process

SUITE_KEY = "a suite key for tests, 32 letters or more"
FOR_ORCHESTRATOR = {
    "EARTHGPTX_REAP_INTERVAL_S": "0",
    "EARTHGPTX_LEASE_S": "1",
    "EARTHGPTX_RETRY_BASE_S": "0.1",
    "EARTHGPTX_DRAIN_GRACE_S": "1",
}
KEYS = {"alpha": "the key of alpha", "beta": "the key of beta"}


@pytest.fixture
def stages() -> Stages:
    return Stages()


@dataclass
class Caller:
    """A tenant's client, as plain as can be."""

    channel: grpc.aio.Channel
    metadata: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.images = images_pb2_grpc.ImagesStub(self.channel)
        self.interpreter = interpreter_pb2_grpc.InterpreterStub(self.channel)
        self.workflows = workflows_pb2_grpc.WorkflowsStub(self.channel)

    async def upload(self, file: bytes, *, announced: int = 0, chunk: int = 65536) -> Any:
        async def parts() -> AsyncIterator[Any]:
            header = images_pb2.UploadHeader(file_name="a.png", size_bytes=announced)
            yield images_pb2.UploadImageRequest(header=header)
            for start in range(0, len(file), chunk):
                yield images_pb2.UploadImageRequest(chunk=file[start : start + chunk])

        return await self.send(parts())

    async def send(self, parts: AsyncIterator[Any]) -> Any:
        return (await self.images.UploadImage(parts, metadata=self.metadata)).image

    def ask(self, timeout_s: float | None = 20, **fields: Any) -> Any:
        request = interpreter_pb2.InterpretRequest(**fields)
        return self.interpreter.Interpret(request, metadata=self.metadata, timeout=timeout_s)

    async def answer(self, timeout_s: float | None = 20, **fields: Any) -> list[Any]:
        return [response async for response in self.ask(timeout_s, **fields)]


async def refusal(call: Awaitable[Any]) -> SuiteError:
    """The error a call ends with."""
    try:
        await call
    except grpc.RpcError as error:
        return from_rpc_error(error)
    raise AssertionError("it was not refused")


@dataclass
class GatewayServer:
    """A gateway in this process, on real gRPC."""

    port: int
    environ: dict[str, str]
    open_channels: list[grpc.aio.Channel] = field(default_factory=list)

    def caller(self, tenant: str | None = "alpha", key: str = "") -> Caller:
        options = (("grpc.max_send_message_length", MAX_MESSAGE_BYTES),)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=options)
        self.open_channels.append(channel)
        key = key or (KEYS[tenant] if tenant else "")
        return Caller(channel, [("authorization", f"Bearer {key}")] if key else [])


StartGateway = Callable[..., Awaitable[GatewayServer]]


@pytest.fixture
async def start_gateway(
    tmp_path: Path, redis: Redis, state_url: str, stages: Stages
) -> AsyncIterator[StartGateway]:
    keys = [{"sha256": hash_api_key(key), "tenant": tenant} for tenant, key in KEYS.items()]
    keys_file = tmp_path / "keys.json"
    keys_file.write_text(json.dumps(keys))
    fake_server, fake_port = await serve_fakes(stages)
    closing: list[Callable[[], Awaitable[Any]]] = []

    async def start(**settings: str) -> GatewayServer:
        environ = addresses(fake_port) | {
            "EARTHGPTX_SUITE_KEY": SUITE_KEY,
            "EARTHGPTX_API_KEYS_FILE": str(keys_file),
            "EARTHGPTX_STATE_REDIS_URL": state_url,
            "EARTHGPTX_TENSOR_REDIS_URL": state_url,
            "EARTHGPTX_OBJECT_STORE_URL": f"file://{tmp_path}/objects",
            "EARTHGPTX_TENSOR_TIERS": "inline,object_store",
        }
        environ |= {f"EARTHGPTX_{name.upper()}": value for name, value in settings.items()}
        folder = {"EARTHGPTX_UPLOAD_FOLDER": str(tmp_path / "uploads")}
        read = read_settings(GatewaySettings, environ | folder)
        telemetry = start_telemetry("gateway", replace(read, metrics_listen=""))
        service = open_service(read, telemetry)
        interceptor = ServerInterceptor(telemetry, service.authenticate, lambda outcome: None)
        limit = (("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),)
        server = grpc.aio.server(interceptors=(interceptor,), options=limit)
        service.add_to(server)
        gateway = GatewayServer(server.add_insecure_port("127.0.0.1:0"), environ)
        await server.start()

        async def stop() -> None:
            await asyncio.gather(*(channel.close() for channel in gateway.open_channels))
            await server.stop(None)
            await service.close()
            telemetry.close()

        closing.append(stop)
        return gateway

    yield start
    for stop in closing:
        await stop()
    await fake_server.stop(None)


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> GatewayServer:
    return await start_gateway()


@pytest.fixture
async def alpha(gateway: GatewayServer) -> Caller:
    return gateway.caller("alpha")


@pytest.fixture
async def image_id(alpha: Caller) -> str:
    return str((await alpha.upload(png())).image_id)


async def start_orchestrator(gateway: GatewayServer, folder: Path) -> StageProcess:
    """An orchestrator beside the gateway, with the same stages and stores."""
    own = ("API_KEYS_FILE", "MAX_DURABLE_PER_TENANT", "DURABLE_TIMEOUT_S")
    environ = {k: v for k, v in gateway.environ.items() if not k.endswith(own)}
    scenes = {"EARTHGPTX_SCENE_FOLDER": str(folder / "scenes")}
    started = start_process("orchestrator", environ | FOR_ORCHESTRATOR | scenes, folder)
    await asyncio.to_thread(started.wait_listening)
    return started


@pytest.fixture
async def orchestrator(gateway: GatewayServer, tmp_path: Path) -> AsyncIterator[StageProcess]:
    started = await start_orchestrator(gateway, tmp_path)
    yield started
    started.process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(started.process.wait)
    assert started.process.stdout is not None
    started.process.stdout.close()
