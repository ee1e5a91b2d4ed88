"""Finds and waits for processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil


def wait_for(ready: Callable[[], Any], limit_s: float = 20.0) -> Any:
    """The first true value of `ready`."""
    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        value = ready()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {limit_s} s: {ready}")


def running_suite(folder: Path) -> dict[str, Any] | None:
    """suite.json once every process serves."""
    try:
        suite = json.loads((folder / "suite.json").read_text())
    except FileNotFoundError:
        return None
    return suite if suite["phase"] == "running" else None


def alive(pids: Iterable[int]) -> set[int]:
    """Those that still run; what is dead and only not yet reaped does not count."""
    left = set()
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                left.add(pid)
        except psutil.NoSuchProcess:
            continue
    return left


def family(pid: int) -> set[int]:
    """The process and all that descend from it."""
    parent = psutil.Process(pid)
    return {pid, *(child.pid for child in parent.children(recursive=True))}
