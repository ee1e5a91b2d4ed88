"""Whether a process really answers: gRPC health, or a Redis PING."""

from __future__ import annotations

import socket
from typing import Literal

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

Health = Literal["serving", "not serving", "no answer"]
TIMEOUT_S = 1.0


class GrpcProbe:
    """Asks one process, over one channel that finds its way back after a restart."""

    def __init__(self, port: int) -> None:
        options = [
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self._stub = health_pb2_grpc.HealthStub(self._channel)

    def ask(self) -> Health:
        """What it says of itself now; takes at most a second."""
        try:
            response = self._stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError:
            return "no answer"
        serving = response.status == health_pb2.HealthCheckResponse.SERVING
        return "serving" if serving else "not serving"

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()


class RedisProbe:
    """AUTH and PING by hand: two lines of RESP need no client library."""

    def __init__(self, port: int, password: str) -> None:
        self._port = port
        self._password = password

    def ask(self) -> Health:
        """Whether it takes commands now (it does not while it loads its file)."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2:
                    part = connection.recv(256)
                    if not part:
                        return "not serving"
                    said += part
        except OSError:
            return "no answer"
        return "serving" if said == b"+OK\r\n+PONG\r\n" else "not serving"

    def close(self) -> None:
        """Holds nothing between questions."""
