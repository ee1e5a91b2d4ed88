"""One way to run a gRPC process of the suite.

`run_process` reads settings, starts telemetry, opens the service, and serves until SIGTERM:

    listen, NOT_SERVING -> probe passes, SERVING -> SIGTERM: NOT_SERVING -> drain -> exit 0

When it listens it prints one JSON line on stdout:
{"event": "listening", "service": "reasoner", "port": 50053, "metrics_port": 9103}
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shared.client_interceptor import MAX_MESSAGE_BYTES
from shared.health import Health
from shared.security import check_stage_token, stage_token
from shared.server_interceptor import ServerInterceptor
from shared.settings import ProcessSettings, SettingsError, describe, read_settings, split_listen
from shared.telemetry import Telemetry, start_telemetry

# Clients see NOT_SERVING this long before the server stops taking calls.
LAME_DUCK_S = 0.3
# Time for the last answers to leave the process.
SETTLE_S = 0.1
SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # Clients look up replicas again when their connection ends; running calls get the grace.
    ("grpc.max_connection_age_ms", 60_000),
    ("grpc.max_connection_age_grace_ms", 600_000),
)
SettingsT = TypeVar("SettingsT", bound=ProcessSettings)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """What a process serves.

    Attributes:
        grpc_names: Full names of its gRPC services, e.g. ("earthgptx.v1.Reasoner",).
        add_to: Adds the servicers to the server, before it starts.
        probe: Asks for something tiny and real; raises if the service cannot answer.
        close: Ends what the service holds, after the last call.
        authenticate: Takes the "authorization" metadata, returns who calls or raises.
        of_suite: Whether callers are processes of the suite only, which may reflect.
        announced: Further entries for the listening line, e.g. {"console_port": 8080}.
    """

    grpc_names: tuple[str, ...]
    add_to: Callable[[grpc.aio.Server], None]
    probe: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    authenticate: Callable[[str], str]
    of_suite: bool = False
    announced: Mapping[str, object] = field(default_factory=dict)


def stage_service(
    grpc_name: str,
    settings: ProcessSettings,
    add_to: Callable[[grpc.aio.Server], None],
    probe: Callable[[], Awaitable[None]],
    close: Callable[[], Awaitable[None]],
) -> Service:
    """A service for processes of the suite only: callers prove the suite key, and may reflect."""
    token = stage_token(settings.suite_key)

    def authenticate(authorization: str) -> str:
        check_stage_token(authorization, token)
        return "suite"

    return Service((grpc_name,), add_to, probe, close, authenticate, of_suite=True)


def run_process(
    name: str,
    settings_class: type[SettingsT],
    open_service: Callable[[SettingsT, Telemetry], Service],
) -> None:
    """Runs the process `name` until SIGTERM or SIGINT; the whole of a `__main__`.

    Args:
        name: As in metrics and logs, e.g. "reasoner".
        settings_class: What it reads from the environment.
        open_service: Makes the service; called once, inside the event loop.
    """
    try:
        settings = read_settings(settings_class)
    except SettingsError as error:
        sys.exit(f"{name}: {error}")
    telemetry = start_telemetry(name, settings)
    _log.info("starting", extra={"settings": describe(settings)})
    try:
        asyncio.run(_open_and_serve(name, settings, telemetry, open_service))
    finally:
        telemetry.close()


async def _open_and_serve(
    name: str,
    settings: SettingsT,
    telemetry: Telemetry,
    open_service: Callable[[SettingsT, Telemetry], Service],
) -> None:
    await serve(name, settings, telemetry, open_service(settings, telemetry))


async def serve(
    name: str, settings: ProcessSettings, telemetry: Telemetry, service: Service
) -> None:
    """Serves `service` on `settings.listen` until SIGTERM or SIGINT, then drains it."""
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    max_failures = getattr(settings, "max_consecutive_failures", 3)
    health = Health(service.probe, service.grpc_names, max_failures)
    interceptor = ServerInterceptor(
        telemetry, service.authenticate, health.note, of_suite=service.of_suite
    )
    server = grpc.aio.server(interceptors=(interceptor,), options=SERVER_OPTIONS)
    service.add_to(server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    if service.of_suite:
        reflection.enable_server_reflection((*service.grpc_names, reflection.SERVICE_NAME), server)
    split_listen(settings.listen)
    port = server.add_insecure_port(settings.listen)
    await server.start()
    await health.start()
    watching = asyncio.create_task(health.watch(), name="health")
    _announce(name, port, telemetry.metrics_port, service.announced)
    await stop.wait()
    _log.info("draining")
    watching.cancel()
    await health.drain()
    await asyncio.sleep(LAME_DUCK_S)
    await _drain(server, interceptor, settings.drain_grace_s)
    await service.close()
    _log.info("stopped")


async def _drain(server: grpc.aio.Server, interceptor: ServerInterceptor, grace_s: float) -> None:
    """Refuses new calls; lets those of the suite end, not the health watches that never do."""
    stopping = asyncio.create_task(server.stop(grace_s))
    idle = asyncio.create_task(interceptor.wait_idle())
    await asyncio.wait((stopping, idle), return_when=asyncio.FIRST_COMPLETED)
    await server.stop(SETTLE_S)
    await stopping
    idle.cancel()


def _announce(name: str, port: int, metrics_port: int, more: Mapping[str, object]) -> None:
    line = {"event": "listening", "service": name, "port": port, "metrics_port": metrics_port}
    print(json.dumps({**line, **more}), flush=True)
