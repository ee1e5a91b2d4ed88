"""Ask whether a process of the suite serves: `python -m shared.health_check HOST:PORT [SERVICE]`.

For container engines, which run a command; Kubernetes asks by gRPC itself. Exit code 0 for SERVING.
"""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT_S = 3.0


def serves(address: str, service: str = "") -> bool:
    """Whether `service` (the whole process if empty) at `address` is SERVING."""
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = stub.Check(request, timeout=TIMEOUT_S)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(0 if serves(*sys.argv[1:]) else 1)
