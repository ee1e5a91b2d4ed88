"""The ``earthgptx evaluate`` subcommand.

earthgptx evaluate PATH --task classify_regions --prompts box --limit 300 --out out/evaluation
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.registry import AUTO, FORMATS
from earthgptx.data.coco_folder import DataError
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.evaluate import Evaluation, evaluate_samples
from earthgptx.evaluation.output import rounded, write_evaluation
from earthgptx.evaluation.preparation import MOST_TOGETHER, CannotEvaluate, Job, prepare
from earthgptx.evaluation.prompts import PROMPTS
from earthgptx.evaluation.samples import TASKS, Sample
from earthgptx.evaluation.scoring import Scorer
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
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="dataset in any format of `earthgptx data formats`"
    )
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--format", choices=[AUTO, *sorted(FORMATS)], default=AUTO)
    parser.add_argument(
        "--split",
        help="train, val, test, ... as its makers divided it, or all; where they did not, val is "
        "the part that training leaves out (default: test, else val)",
    )
    parser.add_argument(
        "--prompts",
        choices=PROMPTS,
        help="what marks are drawn (default: the dataset's own, else boxes)",
    )
    parser.add_argument(
        "--together",
        type=int,
        choices=range(1, MOST_TOGETHER + 1),
        default=1,
        help="classify_regions: so many marked things of an image by one question",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        help="only images of this place, flight or event; may be given again",
    )
    parser.add_argument("--limit", type=int, default=300, help="samples; 0 for all")
    parser.add_argument("--weights", type=Path, default=Path("weights/nano"), metavar="DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="cores")
    parser.add_argument(
        "--tile",
        type=int,
        default=0,
        metavar="PX",
        help="detect: search images in tiles of this side, as scenes are",
    )
    parser.add_argument(
        "--crop-baseline",
        action="store_true",
        help="also train a plain network of crops (minutes; kept under --cache)",
    )
    parser.add_argument("--cache", type=Path, default=Path("out/baselines"), metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables and pictures there")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    _add_conventions(parser)
    parser.set_defaults(run=run)


def _add_conventions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("edge cases (docs/evaluation.md)")
    group.add_argument(
        "--empty-iou",
        type=float,
        choices=[0.0, 1.0],
        default=1.0,
        help="IoU of nothing and nothing",
    )
    group.add_argument(
        "--threshold", choices=["ge", "gt"], default="ge", help="IoU at a level passes, or not"
    )
    group.add_argument(
        "--mask-side",
        type=int,
        default=0,
        metavar="PX",
        help="compare masks at this side; RMSIN: 480",
    )
    group.add_argument("--label-text", choices=["plain", "osprey"], default="plain")
    group.add_argument(
        "--sentence-encoder",
        type=Path,
        metavar="DIR",
        help="a folder with all-MiniLM-L6-v2, for SS",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluates; exit code 0, 2 for a dataset without such samples, 4 for unusable weights."""
    from earthgptx.model.errors import CheckpointError

    if refusal := _refusal(args):
        print(f"earthgptx evaluate: {refusal}", file=sys.stderr)
        return USAGE
    try:
        evaluation = _evaluated(args)
    except (DataError, CannotEvaluate) as error:
        print(f"earthgptx evaluate: {error}", file=sys.stderr)
        return USAGE
    except CheckpointError as error:
        print(f"earthgptx evaluate: {error}", file=sys.stderr)
        return FAILED
    if args.out is not None:
        write_evaluation(evaluation, args.out, str(evaluation.report["weights"]))
    shown = rounded(evaluation.report)
    print(json.dumps(shown) if args.json else _in_words(shown))
    return 0


def _evaluated(args: argparse.Namespace) -> Evaluation:
    import torch

    from earthgptx.evaluation.crop_baselines import add_crop_baseline
    from earthgptx.evaluation.crop_network import CropBudget
    from earthgptx.evaluation.feature_cache import RememberingEncoder
    from earthgptx.model.checkpoint import model_version
    from earthgptx.model.pipeline import EarthGptX

    torch.set_num_threads(args.threads)
    job = _job(args)
    # What cannot be asked is refused before the weights are read.
    prepared = prepare(job)
    model = EarthGptX.load(args.weights, args.device)
    model.image_encoder = RememberingEncoder(model.image_encoder)
    scorer = _scorer(args)
    evaluation = evaluate_samples(job, prepared, model, scorer, _progress)
    evaluation.report["weights"] = model_version(args.weights, "reasoner")
    if args.crop_baseline:
        add_crop_baseline(evaluation, args.cache, CropBudget(), scorer, _say)
    return evaluation


def _refusal(args: argparse.Namespace) -> str:
    """What is wrong with the flags alone; empty where nothing is."""
    if args.limit < 0 or args.mask_side < 0:
        return "--limit and --mask-side must not be negative"
    if args.tile and (args.task != "detect" or args.tile < 64):
        return "--tile needs --task detect and 64 px or more"
    return ""


def _job(args: argparse.Namespace) -> Job:
    return Job(
        args.path,
        args.task,
        args.prompts,
        args.split,
        args.limit,
        args.together,
        args.tile,
        groups=tuple(args.group),
        format_name=args.format,
    )


def _scorer(args: argparse.Namespace) -> Scorer:
    conventions = Conventions(
        args.empty_iou, args.threshold == "gt", args.mask_side, args.label_text
    )
    encoder = load_sentence_encoder(args.sentence_encoder)
    return Scorer(conventions, encoder, java=True, intervals=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _progress(samples: Iterable[Sample], total: int) -> Iterator[Sample]:
    """A bar on stderr; nothing where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    quiet = not console.is_terminal
    yield from track(samples, "asking", total, console=console, disable=quiet, transient=True)


def _in_words(shown: dict[str, Any]) -> str:
    """The report for people."""
    lines = [
        f"{shown['task']} on {shown['dataset']} ({shown['split']}): {shown['samples']} samples, "
        f"{shown['images']} images; {shown['split_note']}"
    ]
    for name, value in shown["metrics"].items():
        low_high = shown["intervals_95"].get(name)
        told = f"unavailable: {value['unavailable']}" if isinstance(value, dict) else str(value)
        lines.append(
            f"  {name:<18} {told}"
            + (f"  (95 %: {low_high[0]} to {low_high[1]})" if low_high else "")
        )
    for name, baseline in shown["baselines"].items():
        scores = {k: v for k, v in baseline.items() if isinstance(v, float)}
        told = ", ".join(f"{k} {v}" for k, v in scores.items())
        lines.append(f"  baseline {name}: {told}  ({baseline['what']})")
    for name, row in shown["per_class"].items():
        lines.append(f"    {name:<26} " + ", ".join(f"{k} {v}" for k, v in row.items()))
    return "\n".join([*lines, *(f"  note: {note}" for note in shown["notes"])])


if __name__ == "__main__":
    sys.exit(evaluate(sys.argv[1:]))
