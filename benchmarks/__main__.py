"""`python -m benchmarks [NAME ...]`: measures, prints a table, records JSON.

A missed target is told, never an error: whether a figure is good enough is for people to judge, on
a machine they know.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Given
from benchmarks.machine import describe_machine, look_around
from benchmarks.report import Report
from launcher.errors import LaunchError
from launcher.plan import find_weights

NAMES = (
    "tensor_hand_off",
    "control_plane",
    "workflow_runs",
    "scene_throughput",
    "feature_cache",
    "batching",
    "stages",
    "training",
    "synthetic_scenes",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks named, or all.

    Returns:
        0 whatever they measure; what the launcher says if there is no model or no suite starts.
    """
    given = _parse(arguments)
    try:
        weights = find_weights(given.weights, os.environ)
    except LaunchError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return error.exit_code
    machine = describe_machine()
    if not given.json:
        print("\n".join(f"{name:12s}{fact}" for name, fact in machine.items()))
    given.out.mkdir(parents=True, exist_ok=True)
    recorded, failed = [], 0
    for name in given.names or NAMES:
        print(f"running {name}", file=sys.stderr, flush=True)
        try:
            report = _run(name, weights, given.rounds)
        except LaunchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = error.exit_code
            continue
        record = {"machine": machine, "weights": str(weights), **report.to_json()}
        recorded.append(record)
        (given.out / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n")
        if not given.json:
            print(report.to_table(), flush=True)
    if given.json:
        print(json.dumps(recorded))
    return failed


def _run(name: str, weights: Path, rounds: int | None) -> Report:
    benchmark = importlib.import_module(f"benchmarks.{name}")
    before, began = look_around(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"benchmark-{name}-") as scratch:
        figures = benchmark.run(Given(weights, Path(scratch), rounds))
    return Report(name, figures, before, time.monotonic() - began)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measures; fails no build.", allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--json", action="store_true", help="print one JSON list, nothing else")
    parser.add_argument(
        "--out", type=Path, default=Path("out/bench"), metavar="DIR", help="where JSON is kept"
    )
    parser.add_argument("--weights", metavar="DIR", help="folder of the model (weights/nano)")
    parser.add_argument("--rounds", type=_count, help="samples of each (as each benchmark has it)")
    given = parser.parse_args(arguments)
    for name in given.names:
        if name not in NAMES:
            parser.error(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
    return given


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


if __name__ == "__main__":
    sys.exit(main())
