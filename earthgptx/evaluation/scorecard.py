"""Every score the model card and docs/results.md show, by one command.

    python -m earthgptx.evaluation.scorecard --weights weights/nano --data DIR --out out/scores

Writes OUT/scores.json (whole reports), OUT/scores.md (the table), OUT/paper.md (in the paper's
layout, figures of others beside ours). Real sets are scored on the side of the split that training
never sees; those that are not under DATA are left out, and the table says so. ``--prepare`` draws
the scenes and trains the crop networks, without a model: the rest then takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import torch

from earthgptx.data.coco_folder import read_coco_folder
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.crop_baselines import CROP_BASELINES, add_crop_baseline
from earthgptx.evaluation.crop_network import CropBudget, learn_crops
from earthgptx.evaluation.evaluate import Job, evaluate_samples, prepare
from earthgptx.evaluation.feature_cache import RememberingEncoder
from earthgptx.evaluation.output import rounded, write_evaluation
from earthgptx.evaluation.samples import Sample
from earthgptx.evaluation.scorecard_lines import FOLDERS, LINES, Line, Report
from earthgptx.evaluation.scorecard_scenes import PREFIX, draw_scenes
from earthgptx.evaluation.scorecard_table import Scorecard, table_rows
from earthgptx.evaluation.scoring import Scorer
from earthgptx.evaluation.similarity import load_sentence_encoder
from earthgptx.model.checkpoint import model_version
from earthgptx.model.pipeline import EarthGptX

# A small set for evaluation only: nothing of it is trained on.
_UNSPLIT = frozenset({"ships_sar"})


@dataclass(frozen=True)
class Setting:
    """What all lines share.

    Attributes:
        cache: folder of trained crop networks; None leaves them out.
        details: folder for the samples and pictures of each line; None leaves them out.
    """

    model: EarthGptX
    version: str
    scorer: Scorer
    limit: int
    cache: Path | None
    details: Path | None


def job_of(line: Line, folder: Path, limit: int) -> Job:
    """What the line evaluates."""
    split: Literal["val", "all"] = "all" if line.folder in _UNSPLIT else "val"
    return Job(folder, line.task, line.prompts, split, limit, only=line.only)


def run_line(line: Line, folder: Path, images: Sequence[LabelledImage], setting: Setting) -> Report:
    """The whole report of one line, with the crop baseline where the task has one.

    Args:
        line: what to evaluate.
        folder: its data.
        images: what was read from there.
        setting: what all lines share.
    """
    job = job_of(line, folder, setting.limit)
    evaluation = evaluate_samples(job, prepare(job, images), setting.model, setting.scorer, _plain)
    if setting.cache is not None:
        add_crop_baseline(evaluation, setting.cache, CropBudget(), setting.scorer, _say)
    if setting.details is not None:
        pictured = setting.details / line.name.replace("/", "-")
        write_evaluation(evaluation, pictured, setting.version)
    report: Report = rounded(evaluation.report)
    return report


def chosen_lines(patterns: Sequence[str]) -> list[Line]:
    """Lines whose name holds one of ``patterns``; all of them for none."""
    return [line for line in LINES if not patterns or any(p in line.name for p in patterns)]


def _folder_of(line: Line, args: argparse.Namespace) -> Path | None:
    if line.folder.startswith(PREFIX):
        return Path(args.out, line.folder)
    folder = None if args.data is None else Path(args.data, line.folder)
    return folder if folder is not None and folder.exists() else None


def _plain(samples: Iterable[Sample], total: int) -> Iterator[Sample]:
    del total
    yield from samples


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the chosen lines; 2 if there are none."""
    args = _parser().parse_args(arguments)
    torch.set_num_threads(args.threads)
    lines = chosen_lines(args.lines)
    if not lines:
        _say("scorecard: no such line; there are\n" + "\n".join(line.name for line in LINES))
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    draw_scenes(args.out, [line.folder for line in lines], args.threads)
    cache = None if args.no_crop_baseline else args.out / "baselines"
    if args.prepare:
        _prepare(lines, args, args.out / "baselines")
        return 0
    version = model_version(args.weights, "reasoner")
    model = EarthGptX.load(args.weights)
    model.image_encoder = RememberingEncoder(model.image_encoder)
    scorer = Scorer(Conventions(), load_sentence_encoder(), java=True, intervals=True)
    details = args.out / "lines" if args.details else None
    setting = Setting(model, version, scorer, args.limit, cache, details)
    card = Scorecard(version, args.out)
    # Lines of one folder one after the other: images and their features are still at hand.
    for _, of_folder in groupby(sorted(lines, key=_folder_order), key=_folder_order):
        _run_folder(list(of_folder), args, setting, card)
    return 0


def _folder_order(line: Line) -> int:
    return FOLDERS.index(line.folder)


def _run_folder(
    lines: Sequence[Line], args: argparse.Namespace, setting: Setting, card: Scorecard
) -> None:
    folder = _folder_of(lines[0], args)
    if folder is None:
        card.add([f"| {line.folder} | {line.task} | | | | not at hand | | | |" for line in lines])
        return
    images = read_coco_folder(folder)
    for line in lines:
        report = run_line(line, folder, images, setting)
        rows = table_rows(line, report)
        card.add(rows, report)
        _say("\n".join(rows))


def _prepare(lines: Sequence[Line], args: argparse.Namespace, cache: Path) -> None:
    """Trains every crop network that the lines ask for."""
    for line in lines:
        folder = _folder_of(line, args)
        if folder is not None and line.task in CROP_BASELINES:
            rest = prepare(job_of(line, folder, args.limit)).rest
            learn_crops(rest, cache, CropBudget(), _say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="score a weights folder on everything")
    parser.add_argument("--weights", type=Path, default=Path("weights/nano"))
    parser.add_argument("--data", type=Path, help="folder of real COCO-style sets")
    parser.add_argument("--out", type=Path, default=Path("out/scores"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, default=250, help="samples a line")
    parser.add_argument("--lines", nargs="*", default=(), help="parts of names, e.g. hit_uav")
    parser.add_argument("--details", action="store_true", help="samples and pictures of each line")
    parser.add_argument("--prepare", action="store_true", help="scenes and crop networks only")
    parser.add_argument("--no-crop-baseline", action="store_true", help="leave its training out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
