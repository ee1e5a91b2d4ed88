"""The ``earthgptx memory`` subcommand.

    earthgptx memory earthgpt-x --quantisation int8
    earthgptx memory base --batch 4 --json

What is counted, and what not: ``earthgptx.model.memory.predict``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

GB = 1e9


def memory(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name; returns its exit code."""
    from earthgptx.model.checkpoint import DTYPES
    from earthgptx.model.memory.predict import StageMemory, predict_memory
    from earthgptx.model.memory.stage_calls import CallSize
    from earthgptx.model.presets import PRESETS
    from earthgptx.model.quantisation import KINDS

    parser = argparse.ArgumentParser(
        prog="earthgptx memory",
        description="parameters, weights and peak of each stage of a preset, from shapes alone",
    )
    parser.add_argument("preset", choices=sorted(PRESETS))
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="bfloat16")
    parser.add_argument("--batch", type=int, default=1, help="requests (masks) in one call")
    parser.add_argument("--tokens", type=int, help="of question and answer; default: all that fit")
    parser.add_argument("--quantisation", choices=KINDS, default="none")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    args = parser.parse_args(list(arguments))
    size = CallSize(args.batch, args.tokens)
    stages = predict_memory(PRESETS[args.preset](), args.dtype, size, args.quantisation)
    total = StageMemory(
        "all",
        sum(s.parameters for s in stages),
        sum(s.weights_bytes for s in stages),
        sum(s.peak_bytes for s in stages),
    )
    if args.json:
        rows = [dataclasses.asdict(row) for row in (*stages, total)]
        print(json.dumps({"preset": args.preset, "dtype": args.dtype, "stages": rows}))
        return 0
    print(f"{args.preset}, {args.dtype}, {args.batch} a call")
    print(f"{'stage':<16}{'parameters':>16}{'weights GB':>12}{'peak GB':>10}")
    for row in (*stages, total):
        weights, peak = row.weights_bytes / GB, row.peak_bytes / GB
        print(f"{row.stage:<16}{row.parameters:>16,}{weights:>12.3f}{peak:>10.3f}")
    return 0
