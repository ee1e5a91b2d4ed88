"""A process with nothing but gRPC health, in place of a service: `health_process.py PORT [HABIT]`.

Habits: `stubborn` ignores SIGTERM and has a child of its own; `crashing` never comes to serve.
"""

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2_grpc


def main() -> None:
    port, habit = sys.argv[1], sys.argv[2]
    if habit == "crashing":
        sys.exit("no weights here")
    stop = threading.Event()
    if habit == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
    else:
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    stop.wait()
    server.stop(0)


if __name__ == "__main__":
    main()
