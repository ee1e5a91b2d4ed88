"""The ``earthgptx memory`` subcommand.

    earthgptx memory earthgpt-x --quantisation int8
    earthgptx memory base --batch 4 --json
    earthgptx memory earthgpt-x --training --processes 8 --sharded --checkpointing --rank 16

What is counted, and what not: ``earthgptx.model.memory.predict``, ``earthgptx.training.memory``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

GB = 1e9


def memory(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name; returns its exit code."""
    args = _parser().parse_args(list(arguments))
    if args.training:
        _tell_training(args)
    else:
        _tell_stages(args)
    return 0


def _parser() -> argparse.ArgumentParser:
    from earthgptx.model.checkpoint import DTYPES
    from earthgptx.model.presets import PRESETS
    from earthgptx.model.quantisation import KINDS

    parser = argparse.ArgumentParser(
        prog="earthgptx memory",
        description="what a preset needs to answer, by stage, or to train; from shapes alone",
    )
    parser.add_argument("preset", choices=sorted(PRESETS))
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="bfloat16")
    parser.add_argument(
        "--batch", type=_count, default=1, help="requests (masks) in one call; images of a process"
    )
    parser.add_argument(
        "--tokens",
        type=_count,
        help="of question and answer, in training of the image too; default: all that fit",
    )
    parser.add_argument("--quantisation", choices=KINDS, default="none")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    training = parser.add_argument_group("what each process of `earthgptx train tune` holds")
    training.add_argument("--training", action="store_true", help="tell this")
    training.add_argument("--processes", type=_count, default=1, help="that share the training")
    for flag in ("--sharded", "--checkpointing"):
        training.add_argument(flag, action="store_true", help="as `earthgptx train` takes it")
    training.add_argument("--rank", type=_rank, default=0, help="of an adapter; 0: all weights")
    return parser


def _count(text: str) -> int:
    return _at_least(1, text)


def _rank(text: str) -> int:
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    count = int(text)
    if count < least:
        raise argparse.ArgumentTypeError(f"{count}: at least {least}")
    return count


def _tell_stages(args: argparse.Namespace) -> None:
    from earthgptx.model.memory.predict import StageMemory, predict_memory
    from earthgptx.model.memory.stage_calls import CallSize
    from earthgptx.model.presets import PRESETS

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
        return
    print(f"{args.preset}, {args.dtype}, {args.batch} a call")
    print(f"{'stage':<16}{'parameters':>16}{'weights GB':>12}{'peak GB':>10}")
    for row in (*stages, total):
        weights, peak = row.weights_bytes / GB, row.peak_bytes / GB
        print(f"{row.stage:<16}{row.parameters:>16,}{weights:>12.3f}{peak:>10.3f}")


def _tell_training(args: argparse.Namespace) -> None:
    from earthgptx.model.presets import PRESETS
    from earthgptx.training.memory import TrainingShape, predict_training

    shape = TrainingShape(
        args.processes, args.sharded, args.checkpointing, args.rank, args.batch, args.tokens
    )
    held = predict_training(PRESETS[args.preset](), shape)
    told = {**dataclasses.asdict(held), "total_bytes": held.total_bytes}
    if args.json:
        print(json.dumps({"preset": args.preset, **dataclasses.asdict(shape), **told}))
        return
    print(f"{args.preset}, one of {args.processes} processes, {args.batch} images of a batch")
    print(f"{held.parameters:,} parameters, of which {held.learning:,} learn")
    for name, count in told.items():
        if name.endswith("_bytes"):
            print(f"{name.removesuffix('_bytes'):<16}{count / GB:>10.3f} GB")
