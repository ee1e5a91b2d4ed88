"""A suite seen from outside: is it there, how is it, start it, stop it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from launcher.errors import LaunchError
from launcher.plan import code_root
from launcher.probes import GrpcProbe
from launcher.progress import Progress
from launcher.state import StateFolder, held, holder_pid
from launcher.supervisor import START_LIMIT_S

STOP_LIMIT_S = 60.0
_POLL_S = 0.1


@dataclass(frozen=True)
class SuiteOptions:
    """How a suite is started. `weights` None: as the environment says; `port` 0: a free one."""

    weights: str | None = None
    port: int = 0

    def as_arguments(self) -> list[str]:
        """For the supervisor's command line."""
        weights = ["--weights", self.weights] if self.weights else []
        return [*weights, "--port", str(self.port)]


def is_running(folder: StateFolder) -> bool:
    """Whether a supervisor lives; believes the lock, never a file."""
    return held(folder.lock_file)


def living_suite(folder: StateFolder) -> dict[str, Any] | None:
    """The state of the running suite, health asked just now; None if none runs."""
    if not is_running(folder):
        return None
    suite = folder.read_suite()
    if suite is None:
        return {"phase": "starting", "services": [], "address": "", "supervisor_pid": None}
    for service in suite["services"]:
        if service["name"].startswith("redis_") or service["pid"] is None:
            continue
        probe = GrpcProbe(int(service["address"].rpartition(":")[2]))
        service["state"] = probe.ask() if service["state"] != "starting" else "starting"
        probe.close()
    return suite


def start_supervisor(
    folder: StateFolder, options: SuiteOptions, *, leashed: bool
) -> subprocess.Popen[bytes]:
    """Starts a supervisor as a process of its own.

    Args:
        folder: of the suite.
        options: how.
        leashed: the suite stops when this process ends or closes the supervisor's stdin; else the
            supervisor outlives this process.
    """
    folder.make()
    with (folder.logs / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "launcher.supervise"),
                *("--state-dir", str(folder.root), *options.as_arguments()),
                *(["--until-stdin-closes"] if leashed else []),
            ],
            cwd=code_root(),
            stdin=subprocess.PIPE if leashed else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_serving(
    folder: StateFolder, supervisor: subprocess.Popen[bytes], progress: Progress
) -> dict[str, Any]:
    """Waits until all of the suite serves; shows how it comes up.

    Raises:
        LaunchError: it ended before.
    """
    # Longer than the supervisor itself: it knows which process is late, and stops what it began.
    give_up_at = time.monotonic() + START_LIMIT_S + STOP_LIMIT_S
    while time.monotonic() < give_up_at:
        code = supervisor.poll()
        if code is not None:
            raise LaunchError(_why(folder), code if code > 0 else 4)
        suite = folder.read_suite()
        if suite is not None and suite.get("supervisor_pid") == supervisor.pid:
            progress.show(suite)
            if suite["phase"] == "running":
                return suite
        time.sleep(_POLL_S)
    supervisor.terminate()
    raise LaunchError(f"the suite did not start; see {folder.logs}", 5)


def stop_running(folder: StateFolder) -> bool:
    """Stops the suite and waits until nothing of it is left; False if none ran.

    Raises:
        LaunchError: something of it is still there.
    """
    ran = is_running(folder)
    pid = holder_pid(folder.lock_file)
    if ran and pid is not None:
        _signal(pid, signal.SIGTERM)
        if not _wait_released(folder, STOP_LIMIT_S):
            # Its watchdog stops the rest.
            _signal(pid, signal.SIGKILL)
            _wait_released(folder, STOP_LIMIT_S)
    # Also after a kill -9: what the watchdog has not stopped yet is waited for.
    if held(folder.groups_lock_file) and not _wait_released(folder, STOP_LIMIT_S):
        raise LaunchError(f"something of the suite still runs; see {folder.logs}")
    folder.suite_file.unlink(missing_ok=True)
    return ran


def status_json(suite: dict[str, Any] | None, folder: StateFolder) -> str:
    """What `status --json` prints."""
    if suite is None:
        return json.dumps({"running": False, "state_dir": str(folder.root)})
    return json.dumps({"running": True, "state_dir": str(folder.root), **suite})


def _wait_released(folder: StateFolder, limit_s: float) -> bool:
    give_up_at = time.monotonic() + limit_s
    while held(folder.lock_file) or held(folder.groups_lock_file):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_POLL_S)
    return True


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _why(folder: StateFolder) -> str:
    said = (folder.logs / "supervisor.log").read_text(errors="replace").strip()
    return said or f"the supervisor ended without a word; see {folder.logs}"
