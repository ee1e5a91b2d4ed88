"""The whole suite, cut off while it starts: no process, no memory, no Redis stays behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from launcher.running import is_running, stop_running
from launcher.state import StateFolder, load_secrets
from shared.settings import Secret
from shared.tensors.shared_memory import directory_for
from tests.earthgptx_client.running_command import environment_with, run_command
from tests.launcher.watching import alive, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@contextmanager
def _running(folder: Path, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    """`earthgptx WORDS`, in a group of its own as a shell starts it."""
    command = [sys.executable, "-m", "earthgptx_client", *map(str, words)]
    environment = environment_with({"EARTHGPTX_STATE_DIR": str(folder), "EARTHGPTX_THREADS": "1"})
    silent = subprocess.DEVNULL
    with subprocess.Popen(
        command, env=environment, stdout=silent, stderr=silent, start_new_session=True
    ) as process:
        yield process
        process.kill()
    stop_running(StateFolder(folder))


def _processes(folder: StateFolder) -> set[int] | None:
    """All processes once the gateway serves, so that some of the suite is at work."""
    suite: dict[str, Any] = folder.read_suite() or {"services": []}
    states = {service["name"]: service["state"] for service in suite["services"]}
    if states.get("gateway") != "serving":
        return None
    return {service["pid"] for service in suite["services"]} | {suite["supervisor_pid"]}


def _check_nothing_left(folder: StateFolder, pids: set[int]) -> None:
    wait_for(lambda: not alive(pids), 60)
    wait_for(lambda: not is_running(folder), 10)
    memory = directory_for(Secret(load_secrets(folder).suite_key))
    wait_for(lambda: not memory.exists(), 30)
    status = run_command(["status", "--json"], {"EARTHGPTX_STATE_DIR": str(folder.root)})
    assert (status.code, status.json()["running"]) == (3, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_up_that_is_cut_off_leaves_nothing(tmp_path: Path, weights: Path, number: signal.Signals):
    folder = StateFolder(tmp_path)
    with _running(tmp_path, "up", "--weights", weights) as up:
        pids = wait_for(lambda: _processes(folder), 120)
        up.send_signal(number)
        assert up.wait(60) == (-9 if number == signal.SIGKILL else 0)
        _check_nothing_left(folder, pids)


def test_a_demo_that_is_killed_takes_its_suite_along(tmp_path: Path, weights: Path):
    folder = StateFolder(tmp_path)
    words = ("demo", "--weights", weights, "--out", tmp_path / "out")
    with _running(tmp_path, *words) as demo:
        pids = wait_for(lambda: _processes(folder), 120)
        os.kill(demo.pid, signal.SIGKILL)
        _check_nothing_left(folder, pids)


def test_a_port_that_is_taken_is_refused_and_nothing_is_started(tmp_path: Path, weights: Path):
    environment = {"EARTHGPTX_STATE_DIR": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for more in ([], ["--detach"]):
            ran = run_command(["up", "--port", port, "--weights", weights, *more], environment)
            assert ran.code == 2
            assert f"--port: something else listens on port {port}" in ran.err
    assert not is_running(StateFolder(tmp_path))
