"""`python -m launcher.supervise`: the process that holds a suite; people use `earthgptx up`."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from launcher.errors import LaunchError
from launcher.plan import STAGES, find_weights, plan_suite
from launcher.redis_servers import find_server, server_version
from launcher.running import SuiteOptions
from launcher.state import Lock, StateFolder, load_secrets
from launcher.supervisor import Show, Supervisor
from shared.settings import Secret
from shared.tensors.shared_memory import directory_for


def main(arguments: list[str] | None = None) -> int:
    """Runs a suite until it is told to stop; 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m launcher.supervise")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--weights")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--until-stdin-closes", action="store_true")
    given = parser.parse_args(arguments)
    leash = sys.stdin.buffer if given.until_stdin_closes else None
    try:
        options = SuiteOptions(given.weights, given.port)
        run_suite(StateFolder(given.state_dir), options, show=lambda suite: None, leash=leash)
    except LaunchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def run_suite(
    folder: StateFolder, options: SuiteOptions, show: Show, leash: IO[bytes] | None = None
) -> None:
    """Runs a suite in this process until a signal or the end of `leash`.

    Raises:
        LaunchError: another runs here, or this one cannot be started.
    """
    folder.make()
    lock = Lock(folder.lock_file)
    if not lock.take():
        raise LaunchError(f"a suite already runs (state in {folder.root}): earthgptx status")
    try:
        weights_dir = find_weights(options.weights, os.environ)
        secrets = load_secrets(folder)
        plans = plan_suite(folder, secrets, weights_dir, options.port, os.environ)
        _keep_last_logs(folder)
        memory = directory_for(Secret(secrets.suite_key))
        Supervisor(folder, plans, _about(weights_dir), show, leash, memory).run()
    finally:
        lock.release()


def _about(weights_dir: Path) -> dict[str, Any]:
    return {
        "started_at_unix": round(time.time(), 1),
        "weights_dir": str(weights_dir),
        "versions": {
            "earthgptx": _distribution_version(),
            "python": platform.python_version(),
            "redis": server_version(find_server()),
            "models": {stage: _model_version(weights_dir, stage) for stage in STAGES},
        },
    }


def _model_version(weights_dir: Path, stage: str) -> str:
    """As the stage names itself: preset and weights' digest, read without torch."""
    preset = json.loads((weights_dir / "config.json").read_text()).get("preset", "unknown")
    with (weights_dir / f"{stage}.safetensors").open("rb") as weights:
        return f"{preset}-{hashlib.file_digest(weights, 'sha256').hexdigest()[:12]}"


def _distribution_version() -> str:
    try:
        return version("earthgptx-suite")
    except PackageNotFoundError:
        return "checkout"


def _keep_last_logs(folder: StateFolder) -> None:
    """The logs of the run before stay readable, those before them go."""
    for log in folder.logs.glob("*.log"):
        if log.name != "supervisor.log":
            log.replace(log.with_name(f"{log.name}.1"))


if __name__ == "__main__":
    sys.exit(main())
