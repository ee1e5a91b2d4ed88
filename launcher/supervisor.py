"""Starts every process of the suite, keeps them running, stops them all.

One thread, one loop. The main thread starts the children: on Linux a child's leash is tied to the
thread that made it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Any

from launcher.child import Child
from launcher.errors import LaunchError
from launcher.plan import DRAIN_GRACE_S, ProcessPlan
from launcher.state import StateFolder

START_LIMIT_S = 180.0
MOST_FAILED_STARTS = 3
WATCHDOG_GRACE_S = 3.0
_STOP_GRACE_S = DRAIN_GRACE_S + 3.0
_LOOP_S = 0.1

Show = Callable[[dict[str, Any]], None]


class Supervisor:
    """The suite while it runs. `run` returns when it has stopped."""

    def __init__(
        self,
        folder: StateFolder,
        plans: list[ProcessPlan],
        about: Mapping[str, Any],
        show: Show,
        leash: IO[bytes] | None = None,
        shared_memory: Path | None = None,
    ) -> None:
        """Takes what to run.

        Args:
            folder: its lock must be held by this process.
            plans: the processes, in the order in which they start.
            about: further entries for suite.json (versions, weights).
            show: is given the state of the suite whenever it changes.
            leash: a stream whose end means: stop.
            shared_memory: folder of memory files that nobody needs when all have stopped.
        """
        self._folder = folder
        self._children = [Child(plan, folder.logs) for plan in plans]
        self._about = dict(about)
        self._show = show
        self._leash = leash
        self._shared_memory = shared_memory
        self._phase = "starting"
        self._stop_requests = 0
        self._started_at = time.monotonic()
        self._watchdog: subprocess.Popen[str] | None = None
        self._shown: dict[str, Any] = {}

    def run(self) -> None:
        """Starts, watches, and stops on SIGINT, SIGTERM, SIGHUP or the end of the leash.

        Raises:
            LaunchError: the suite could not be started; nothing of it is left.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        with selectors.DefaultSelector() as selector:
            if self._leash is not None:
                selector.register(self._leash, selectors.EVENT_READ)
            try:
                self._watchdog = self._start_watchdog()
                while not self._stop_requests:
                    self._tend()
                    # Without a leash nothing is registered, and this is a pause.
                    if selector.select(_LOOP_S):
                        self._stop_requests += 1
            finally:
                self._stop()

    def _tend(self) -> None:
        """One round: start what is due, notice what ended, ask how all are."""
        lowest_unready = min((c.plan.tier for c in self._children if not c.ever_served), default=9)
        for child in self._children:
            # Only the Redis pair is waited for: all others find each other by themselves.
            waits = lowest_unready == 0 < child.plan.tier
            if child.is_due() or (child.state == "stopped" and not waits):
                self._tell_watchdog("+", child.start())
            group = child.poll_exit()
            if group is not None:
                self._tell_watchdog("-", group)
                self._note(f"{child.plan.name} ended by itself; starting it again")
            child.check_health()
            if child.failed_starts >= MOST_FAILED_STARTS:
                raise LaunchError(f"{child.plan.name} does not start:\n{child.log_tail()}")
        self._watch_watchdog()
        if self._phase == "starting" and all(child.ever_served for child in self._children):
            self._phase = "running"
        elif self._phase == "starting" and time.monotonic() - self._started_at > START_LIMIT_S:
            late = ", ".join(c.plan.name for c in self._children if not c.ever_served)
            raise LaunchError(f"not serving after {START_LIMIT_S:.0f} s: {late}", 5)
        self._publish()

    def _stop(self) -> None:
        """Stops tier by tier, callers first, so that what runs can come to its end."""
        self._phase = "stopping"
        self._publish()
        for tier in sorted({child.plan.tier for child in self._children}, reverse=True):
            members = [child for child in self._children if child.plan.tier == tier]
            for child in members:
                child.ask_to_stop()
            until_s = time.monotonic() + _STOP_GRACE_S
            for child in members:
                # A second Ctrl-C means: now.
                group = child.wait_stopped(until_s if self._stop_requests < 2 else 0.0)
                if group is not None:
                    self._tell_watchdog("-", group)
                self._publish()
        if self._watchdog is not None:
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
            self._watchdog.wait()
        self._folder.suite_file.unlink(missing_ok=True)

    def _start_watchdog(self) -> subprocess.Popen[str]:
        program = str(Path(__file__).with_name("watchdog.py"))
        watchdog = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", program),
                *(str(self._folder.groups_lock_file), str(WATCHDOG_GRACE_S)),
                *([str(self._shared_memory)] if self._shared_memory else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert watchdog.stdout is not None
        # Also waits until the watchdog of a suite that was killed has done its work.
        watchdog.stdout.readline()
        watchdog.stdout.close()
        return watchdog

    def _tell_watchdog(self, sign: str, group: int) -> None:
        if self._watchdog is None or self._watchdog.stdin is None:
            return
        try:
            self._watchdog.stdin.write(f"{sign}{group}\n")
            self._watchdog.stdin.flush()
        except BrokenPipeError:
            return  # It died; `_watch_watchdog` starts another and tells it all.

    def _watch_watchdog(self) -> None:
        if self._watchdog is None or self._watchdog.poll() is None:
            return
        self._watchdog = self._start_watchdog()
        for child in self._children:
            if child.process is not None:
                self._tell_watchdog("+", child.process.pid)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stop_requests += 1

    def _publish(self) -> None:
        """Writes suite.json and shows the state, if anything changed."""
        gateway = self._children[-1]
        suite = {
            "phase": self._phase,
            "address": f"127.0.0.1:{gateway.plan.port}",
            "supervisor_pid": os.getpid(),
            **self._about,
            "services": [child.describe() for child in self._children],
        }
        if suite != self._shown:
            self._shown = suite
            self._folder.write_suite(suite)
            self._show(suite)

    def _note(self, words: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with (self._folder.logs / "supervisor.log").open("a") as log:
            log.write(f"{stamp} {words}\n")
