import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from launcher.probes import RedisProbe
from launcher.running import is_running, stop_running
from launcher.state import StateFolder, held
from tests.launcher.small_suite import PASSWORD
from tests.launcher.watching import alive, family, running_suite, wait_for

SMALL_SUITE = str(Path(__file__).with_name("small_suite.py"))
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the small suite in a process; whatever it leaves is killed after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(habit: str = "good", *more: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, SMALL_SUITE, str(tmp_path), habit, *more],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with process:
            process.kill()
    stop_running(StateFolder(tmp_path))


def _up(process: subprocess.Popen[bytes], folder: Path) -> tuple[dict, set[int]]:
    suite = wait_for(lambda: running_suite(folder))
    return suite, family(process.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_the_state_file_goes(start: Start, tmp_path: Path, number):
    process = start()
    _, pids = _up(process, tmp_path)
    assert len(pids) == 6
    process.send_signal(number)
    assert process.wait(15) == 0
    assert alive(pids) == set()
    assert not (tmp_path / "suite.json").exists()
    assert not held(tmp_path / "groups.lock")


def test_kill_9_of_the_parent_leaves_nothing(start: Start, tmp_path: Path):
    process = start()
    _, pids = _up(process, tmp_path)
    process.kill()
    wait_for(lambda: not alive(pids), 10)
    assert (tmp_path / "suite.json").exists()
    assert not is_running(StateFolder(tmp_path))


def test_kill_9_of_the_parent_takes_the_stubborn_and_their_children_too(
    start: Start, tmp_path: Path
):
    process = start("stubborn")
    _, pids = _up(process, tmp_path)
    assert len(pids) == 7
    process.kill()
    wait_for(lambda: not alive(pids), 15)
    wait_for(lambda: not held(tmp_path / "groups.lock"), 5)


def test_kill_9_of_the_parent_and_its_watchdog_leaves_nothing_on_linux(
    start: Start, tmp_path: Path
):
    if sys.platform != "linux":
        pytest.skip("the leash is Linux's own; elsewhere the watchdog is the only one")
    process = start()
    _, pids = _up(process, tmp_path)
    for watchdog in _watchdogs(process.pid):
        os.kill(watchdog, signal.SIGKILL)
        process.kill()
    wait_for(lambda: not alive(pids), 10)


def test_a_killed_watchdog_is_replaced_by_one_that_knows_everything(start: Start, tmp_path: Path):
    process = start("stubborn")
    _, pids = _up(process, tmp_path)
    (first,) = _watchdogs(process.pid)
    os.kill(first, signal.SIGKILL)
    (second,) = wait_for(lambda: _watchdogs(process.pid) - {first})
    time.sleep(0.3)
    process.kill()
    wait_for(lambda: not alive({*pids, second} - {first}), 15)


def test_the_end_of_the_leash_stops_everything(start: Start, tmp_path: Path):
    process = start("good", "leashed")
    _, pids = _up(process, tmp_path)
    process.stdin.close()
    assert process.wait(15) == 0
    assert alive(pids) == set()


def test_a_crashed_process_is_started_again_where_it_was(start: Start, tmp_path: Path):
    process = start()
    suite, _ = _up(process, tmp_path)
    before = {service["name"]: service for service in suite["services"]}
    os.kill(before["stage"]["pid"], signal.SIGKILL)

    def came_back():
        now = {s["name"]: s for s in running_suite(tmp_path)["services"]}["stage"]
        return now if now["state"] == "serving" and now["restarts"] == 1 else None

    after = wait_for(came_back)
    assert after["pid"] != before["stage"]["pid"]
    assert after["address"] == before["stage"]["address"]


def test_a_killed_redis_comes_back_with_what_it_kept(start: Start, tmp_path: Path):
    process = start()
    suite, _ = _up(process, tmp_path)
    kept = next(s for s in suite["services"] if s["name"] == "redis_state")
    port = int(kept["address"].rpartition(":")[2])
    assert _redis(port, "SET run 7") == "+OK"
    os.kill(kept["pid"], signal.SIGKILL)
    wait_for(lambda: RedisProbe(port, PASSWORD).ask() == "serving")
    assert _redis(port, "GET run").endswith("7")


def test_a_process_that_cannot_start_stops_the_start_and_shows_its_log(
    start: Start, tmp_path: Path
):
    process = start("crashing")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 4
    assert b"stage does not start" in said
    assert b"no weights here" in said
    assert not held(tmp_path / "groups.lock")


def test_a_second_supervisor_of_the_same_folder_gives_way(start: Start, tmp_path: Path):
    _up(start(), tmp_path)
    assert start().wait(15) == 4


def test_down_stops_what_was_started_elsewhere(start: Start, tmp_path: Path):
    process = start()
    _, pids = _up(process, tmp_path)
    assert stop_running(StateFolder(tmp_path))
    assert alive(pids - {process.pid}) == set()
    assert process.wait(5) == 0


def test_down_without_a_suite_is_fine_and_removes_a_stale_file(tmp_path: Path):
    (tmp_path / "suite.json").write_text('{"supervisor_pid": 1}')
    (tmp_path / "supervisor.lock").write_text("1")
    assert not stop_running(StateFolder(tmp_path))
    assert not (tmp_path / "suite.json").exists()


def test_a_suite_begins_only_when_the_killed_one_before_is_gone(start: Start, tmp_path: Path):
    first = start("stubborn")
    _, pids = _up(first, tmp_path)
    first.kill()
    second = start()
    wait_for(lambda: (running_suite(tmp_path) or {}).get("supervisor_pid") == second.pid)
    assert alive(pids) == set()


def _watchdogs(parent: int) -> set[int]:
    children = alive(child.pid for child in psutil.Process(parent).children())
    return {pid for pid in children if "watchdog.py" in " ".join(psutil.Process(pid).cmdline())}


def _redis(port: int, words: str) -> str:
    import socket

    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(f"AUTH {PASSWORD}\r\n{words}\r\nQUIT\r\n".encode())
        said = b""
        while part := connection.recv(4096):
            said += part
    return said.decode().removeprefix("+OK\r\n").removesuffix("+OK\r\n").strip()
