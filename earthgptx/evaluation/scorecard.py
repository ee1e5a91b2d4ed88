"""Every score the model card and docs/results.md show, by one command.

    python -m earthgptx.evaluation.scorecard --weights weights/nano --data DIR --out out/scores

Writes OUT/scores.json (whole reports), OUT/scores.md (the table), OUT/paper.md (in the paper's
layout, figures of others beside ours). Real sets are scored on the side of the split that training
never sees; those that are not under DATA are left out, and the table says so. ``--prepare`` draws
the scenes and trains the crop networks, without a model: the rest then takes minutes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch

from earthgptx.data.coco_folder import read_coco_folder
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.crop_baselines import CROP_BASELINES, add_crop_baseline
from earthgptx.evaluation.crop_network import CropBudget, learn_crops
from earthgptx.evaluation.evaluate import evaluate_samples
from earthgptx.evaluation.feature_cache import RememberingEncoder
from earthgptx.evaluation.output import rounded, write_evaluation
from earthgptx.evaluation.preparation import ALL, Job, prepare
from earthgptx.evaluation.samples import Sample
from earthgptx.evaluation.scorecard_lines import FOLDERS, LINES, Line, Report
from earthgptx.evaluation.scorecard_scenes import PREFIX, draw_scenes
from earthgptx.evaluation.scorecard_table import Scorecard, missing_row, table_rows
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


@dataclass(frozen=True)
class Work:
    """What one process does: the lines of one folder."""

    args: argparse.Namespace
    lines: list[Line]


def job_of(line: Line, folder: Path, limit: int) -> Job:
    """What the line evaluates."""
    split = ALL if line.folder in _UNSPLIT else "val"
    return Job(folder, line.task, line.prompts, split, limit, only=line.only, tile_px=line.tile_px)


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
    lines = chosen_lines(args.lines)
    if not lines:
        _say("scorecard: no such line; there are\n" + "\n".join(line.name for line in LINES))
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    draw_scenes(args.out, [line.folder for line in lines], args.processes)
    # Lines of one folder go together: images and their features are still at hand.
    groups = [
        Work(args, [line for line in lines if line.folder == folder])
        for folder in FOLDERS
        if any(line.folder == folder for line in lines)
    ]
    # A forked process would inherit torch's threads.
    with multiprocessing.get_context("spawn").Pool(min(args.processes, len(groups))) as pool:
        if args.prepare:
            pool.map(_prepare, groups, chunksize=1)
            return 0
        card = Scorecard(model_version(args.weights, "reasoner"), args.out)
        for line, report in chain.from_iterable(pool.imap(_score, groups)):
            rows = table_rows(line, report) if report else [missing_row(line)]
            card.add(rows, report)
            _say("\n".join(rows))
    return 0


def _score(work: Work) -> list[tuple[Line, Report | None]]:
    """Reports of the lines of one folder; None where it is not at hand. In a process of its own."""
    args, lines = work.args, work.lines
    torch.set_num_threads(1)
    folder = _folder_of(lines[0], args)
    if folder is None:
        return [(line, None) for line in lines]
    model = EarthGptX.load(args.weights)
    model.image_encoder = RememberingEncoder(model.image_encoder)
    setting = Setting(
        model,
        model_version(args.weights, "reasoner"),
        Scorer(Conventions(), load_sentence_encoder(), java=True, intervals=True),
        args.limit,
        cache=None if args.no_crop_baseline else args.out / "baselines",
        details=args.out / "lines" if args.details else None,
    )
    images = read_coco_folder(folder)
    scored: list[tuple[Line, Report | None]] = []
    for line in lines:
        scored.append((line, run_line(line, folder, images, setting)))
        _say(f"scored {line.name}")
    return scored


def _prepare(work: Work) -> None:
    """Trains every crop network that the lines of one folder ask for."""
    args, lines = work.args, work.lines
    torch.set_num_threads(1)
    folder = _folder_of(lines[0], args)
    for line in lines:
        if folder is not None and line.task in CROP_BASELINES:
            rest = prepare(job_of(line, folder, args.limit)).rest
            learn_crops(rest, args.out / "baselines", CropBudget(), _say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="score a weights folder on everything")
    parser.add_argument("--weights", type=Path, default=Path("weights/nano"))
    parser.add_argument("--data", type=Path, help="folder of real COCO-style sets")
    parser.add_argument("--out", type=Path, default=Path("out/scores"))
    parser.add_argument("--processes", type=int, default=2, help="a core each")
    parser.add_argument("--limit", type=int, default=250, help="samples a line")
    parser.add_argument("--lines", nargs="*", default=(), help="parts of names, e.g. hit_uav")
    parser.add_argument("--details", action="store_true", help="samples and pictures of each line")
    parser.add_argument("--prepare", action="store_true", help="scenes and crop networks only")
    parser.add_argument("--no-crop-baseline", action="store_true", help="leave its training out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
