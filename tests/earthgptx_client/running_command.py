"""Runs the `earthgptx` command as people do: as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)


def environment_with(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: ours without EARTHGPTX_ variables, and `changes`."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("EARTHGPTX_")}
    return plain | dict(changes)


def run_command(
    arguments: Iterable[object], environment: Mapping[str, str], limit_s: float = 50
) -> Ran:
    """Runs it to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "earthgptx_client", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=limit_s,
        env=environment_with(environment),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
