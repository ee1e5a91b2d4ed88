"""The ``earthgptx evaluate`` subcommand.

earthgptx evaluate DIR --task classify_regions --prompts box --limit 300 --json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from earthgptx.data.coco_folder import DataError
from earthgptx.evaluation.evaluate import (
    Job,
    NothingToEvaluate,
    Report,
    evaluate_folder,
    rounded,
)
from earthgptx.evaluation.samples import PROMPTS, TASKS, Sample
from earthgptx.evaluation.similarity import load_sentence_encoder

USAGE = 2
FAILED = 4


def evaluate(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name; returns its exit code."""
    parser = argparse.ArgumentParser(prog="earthgptx evaluate", description="score a model")
    _add_arguments(parser)
    return run(parser.parse_args(list(arguments)))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds ``evaluate`` to a command's subparsers."""
    _add_arguments(subparsers.add_parser("evaluate", help="score a model"))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="COCO-style folder")
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--prompts", choices=PROMPTS, default="box", help="what marks are drawn")
    parser.add_argument("--limit", type=int, default=300, help="samples; 0 for all")
    parser.add_argument("--split", choices=["val", "all"], default="val")
    parser.add_argument("--weights", type=Path, default=Path("weights/nano"), metavar="DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="cores")
    parser.add_argument(
        "--crop-classifier",
        action="store_true",
        help="classification: also train a plain classifier (minutes; kept under --cache)",
    )
    parser.add_argument("--cache", type=Path, default=Path("out/baselines"), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluates; exit code 0, 2 for a folder without such samples, 4 for unusable weights."""
    import torch

    from earthgptx.model.errors import CheckpointError
    from earthgptx.model.pipeline import EarthGptX

    if args.limit < 0:
        print("earthgptx evaluate: --limit must not be negative", file=sys.stderr)
        return USAGE
    torch.set_num_threads(args.threads)
    job = Job(args.folder, args.task, args.prompts, args.split, args.limit)
    try:
        model = EarthGptX.load(args.weights, args.device)
        report, prepared = evaluate_folder(job, model, load_sentence_encoder(), _progress)
    except (DataError, NothingToEvaluate) as error:
        print(f"earthgptx evaluate: {error}", file=sys.stderr)
        return USAGE
    except CheckpointError as error:
        print(f"earthgptx evaluate: {error}", file=sys.stderr)
        return FAILED
    if args.crop_classifier and args.task.startswith("classify"):
        from earthgptx.evaluation.crop_classifier import CropBudget, crop_baseline

        baselines = report["baselines"]
        assert isinstance(baselines, dict)
        baselines["crop_classifier"] = crop_baseline(
            args.task, prepared.samples, prepared.rest, args.cache, CropBudget(), _say
        )
    report = {**report, "weights": _weights_name(args.weights)}
    print(json.dumps(rounded(report)) if args.json else _in_words(report))
    return 0


def _weights_name(folder: Path) -> str:
    from earthgptx.model.checkpoint import model_version

    return model_version(folder, "reasoner")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _progress(samples: Iterable[Sample], total: int) -> Iterator[Sample]:
    """A bar on stderr; nothing where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    quiet = not console.is_terminal
    yield from track(samples, "asking", total, console=console, disable=quiet, transient=True)


def _in_words(report: Report) -> str:
    """The report for people."""
    shown = rounded(report)
    assert isinstance(shown, dict)
    lines = [
        f"{shown['task']} on {shown['folder']} ({shown['split']}): {shown['samples']} samples, "
        f"{shown['images']} images; {shown['split_note']}"
    ]
    lines += [f"  {name:<18} {value}" for name, value in shown["metrics"].items()]
    for name, baseline in shown["baselines"].items():
        scores = {k: v for k, v in baseline.items() if k not in ("what", "answers")}
        told = ", ".join(f"{k} {v}" for k, v in scores.items())
        lines.append(f"  baseline {name}: {told}  ({baseline['what']})")
    for name, row in shown["per_class"].items():
        lines.append(f"    {name:<26} " + ", ".join(f"{k} {v}" for k, v in row.items()))
    return "\n".join([*lines, *(f"  note: {note}" for note in shown["notes"])])


if __name__ == "__main__":
    sys.exit(evaluate(sys.argv[1:]))
