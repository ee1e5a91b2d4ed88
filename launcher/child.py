"""One process of the suite: started on a leash in a group of its own, watched, started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from launcher.plan import ProcessPlan, code_root
from launcher.probes import GrpcProbe, Health, RedisProbe

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
# A process that has served this long has earned a quick restart again.
STEADY_AFTER_S = 60.0
# A process that served once and then says nothing for this long hangs: it is killed.
SILENCE_LIMIT_S = 60.0
PROBE_PAUSE_STARTING_S, PROBE_PAUSE_SERVING_S = 0.25, 2.0
_TAIL_BYTES = 4000


class Child:
    """A process with its log, its health and its history."""

    def __init__(self, plan: ProcessPlan, logs: Path) -> None:
        self.plan = plan
        self.log_file = logs / f"{plan.name}.log"
        self._stdout_file = logs / f"{plan.name}.stdout"
        self._probe: GrpcProbe | RedisProbe = (
            RedisProbe(plan.port, plan.redis_password)
            if plan.redis_password
            else GrpcProbe(plan.port)
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.health: Health | None = None
        self.restarts = 0
        self.failed_starts = 0
        self.ever_served = False
        self.serving_after_s = 0.0
        self._started_at = 0.0
        self._heard_at = 0.0
        self._next_probe_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._start_again_at: float | None = None

    @property
    def state(self) -> str:
        """One word for people: stopped, starting, serving, not serving, no answer, restarting."""
        if self._start_again_at is not None:
            return "restarting"
        if self.process is None:
            return "stopped"
        if self.health == "serving":
            return "serving"
        return (self.health or "starting") if self.ever_served else "starting"

    def start(self) -> int:
        """Starts it; returns its process group."""
        arguments = list(self.plan.arguments)
        if sys.platform == "linux":
            leash = str(Path(__file__).with_name("leash.py"))
            arguments = [sys.executable, "-I", "-S", leash, str(os.getpid()), *arguments]
        with self.log_file.open("ab") as log, self._stdout_file.open("wb") as stdout:
            # Redis logs to stdout; a service prints one line there, on which its ports are.
            out: IO[bytes] = log if self.plan.redis_password else stdout
            self.process = subprocess.Popen(
                arguments,
                cwd=code_root(),
                env=dict(self.plan.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        now = time.monotonic()
        self._started_at = self._heard_at = now
        self._next_probe_at = now
        self._start_again_at = None
        self.health = None
        return self.process.pid

    def poll_exit(self) -> int | None:
        """Notices that it ended by itself; returns the group that is no more."""
        if self.process is None or self.process.poll() is None:
            return None
        group = self.process.pid
        kill_group(group, signal.SIGKILL)
        served_s = time.monotonic() - self._started_at if self.health == "serving" else 0.0
        self._pause_s = FIRST_PAUSE_S if served_s > STEADY_AFTER_S else self._pause_s
        self.failed_starts += 0 if self.ever_served else 1
        self._start_again_at = time.monotonic() + self._pause_s
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)
        self.restarts += 1
        self.process = None
        self.health = None
        return group

    def is_due(self) -> bool:
        """Whether it waits to be started again and has waited long enough."""
        return self._start_again_at is not None and time.monotonic() >= self._start_again_at

    def check_health(self) -> bool:
        """Asks it, if it is time to; returns whether its health changed."""
        now = time.monotonic()
        if self.process is None or now < self._next_probe_at:
            return False
        before, self.health = self.health, self._probe.ask()
        now = time.monotonic()
        if self.health != "no answer":
            self._heard_at = now
        elif self.ever_served and now - self._heard_at > SILENCE_LIMIT_S:
            kill_group(self.process.pid, signal.SIGKILL)
        if self.health == "serving" and not self.ever_served:
            self.ever_served = True
            self.serving_after_s = now - self._started_at
        serving = self.health == "serving"
        self._next_probe_at = now + (PROBE_PAUSE_SERVING_S if serving else PROBE_PAUSE_STARTING_S)
        return before != self.health

    def ask_to_stop(self) -> None:
        """SIGTERM; nothing more is started in its place."""
        self._start_again_at = None
        if self.process is not None:
            kill_group(self.process.pid, signal.SIGTERM)

    def wait_stopped(self, until_s: float) -> int | None:
        """Waits until `until_s` (monotonic), then kills; returns the group that is no more."""
        if self.process is None:
            return None
        group = self.process.pid
        try:
            self.process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            kill_group(group, signal.SIGKILL)
            self.process.wait()
        # What it may have started (a server that rewrites its file) goes with it.
        kill_group(group, signal.SIGKILL)
        self.process = None
        self.health = None
        self._probe.close()
        return group

    def describe(self) -> dict[str, Any]:
        """The entry of the process in suite.json."""
        running = self.process is not None
        return {
            "name": self.plan.name,
            "state": self.state,
            "pid": self.process.pid if self.process else None,
            "address": f"127.0.0.1:{self.plan.port}",
            "metrics_port": self.plan.metrics_port or None,
            "restarts": self.restarts,
            "serving_after_s": round(self.serving_after_s, 2) if self.ever_served else None,
            "log": str(self.log_file),
            **(self._announced() if running else {}),
        }

    def log_tail(self) -> str:
        """The last lines of its log, for people."""
        try:
            text = self.log_file.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(line[:500] for line in text.splitlines()[-8:])

    def _announced(self) -> dict[str, Any]:
        """What its listening line says besides the ports, e.g. a `console_port`."""
        try:
            line = json.loads(self._stdout_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return {}
        return {
            key: value
            for key, value in line.items()
            if key not in ("event", "service", "port", "metrics_port")
        }


def kill_group(group: int, number: int) -> None:
    """Sends a signal to a process group, if there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return
