"""Processes beside the benchmark: each ends with the block that started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import launcher.leash
from launcher.plan import code_root
from launcher.ports import free_ports
from launcher.probes import RedisProbe
from launcher.redis_servers import find_server, write_config
from shared.settings import PREFIX

PASSWORD = "only-for-a-benchmark"
START_LIMIT_S = 60.0
_POLL_S = 0.02


@contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that ends with the block, or with this process if that is killed."""
    command = list(arguments)
    if sys.platform == "linux":
        leash = [sys.executable, "-I", "-S", launcher.leash.__file__, str(os.getpid())]
        command = leash + command
    with log.open("wb") as written:
        process = subprocess.Popen(
            command,
            cwd=code_root(),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=written,
        )
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True)
class Listening:
    """Where a process listens, on 127.0.0.1."""

    port: int
    metrics_port: int


@contextmanager
def module(name: str, settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process; `listening` waits until it listens.

    Args:
        name: Dotted, e.g. "services.reasoner".
        settings: Its settings without their prefix; those of the environment do not count.
        log: Takes what it says on stderr.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    environment |= {PREFIX + key: value for key, value in settings.items()}
    with running((sys.executable, "-m", name), environment, log) as process:
        yield process


def listening(process: subprocess.Popen[bytes], log: Path) -> Listening:
    """Where the process says that it listens, in the one JSON line it prints.

    Raises:
        RuntimeError: It ended instead.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process does not start:\n{log.read_text()[-4000:]}")
    told = json.loads(line)
    return Listening(told["port"], told.get("metrics_port", 0))


@contextmanager
def tensor_redis(scratch: Path) -> Iterator[str]:
    """The Redis-compatible server for tensors as the launcher configures it; gives its URL.

    Raises:
        RuntimeError: It does not start.
    """
    with _redis(scratch, "redis-tensors", keeps=False) as url:
        yield url


@contextmanager
def state_redis(scratch: Path) -> Iterator[str]:
    """That for messages and records, which keeps an append-only file.

    Raises:
        RuntimeError: It does not start.
    """
    with _redis(scratch, "redis-state", keeps=True) as url:
        yield url


@contextmanager
def _redis(scratch: Path, name: str, keeps: bool) -> Iterator[str]:
    (port,) = free_ports(1)
    config = write_config(scratch / name, port, PASSWORD, keeps=keeps)
    log = scratch / f"{name}.log"
    # Its log goes to stdout, which nobody reads: a file, so that no pipe ever fills.
    config.write_text(f'{config.read_text()}logfile "{log}"\n')
    arguments = (str(find_server()), str(config))
    with running(arguments, os.environ, scratch / f"{name}.err") as process:
        probe, until_s = RedisProbe(port, PASSWORD), time.monotonic() + START_LIMIT_S
        while probe.ask() != "serving":
            if process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"the Redis server does not start:\n{log.read_text()}")
            time.sleep(_POLL_S)
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
