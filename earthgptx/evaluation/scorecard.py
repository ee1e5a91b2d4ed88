"""Every score the model card and docs/results.md show, by one command.

    python -m earthgptx.evaluation.scorecard --weights weights/nano --data DIR --out out/scores

Writes OUT/scores.json (whole reports) and OUT/scores.md (the table). Scenes are drawn anew from
seeds that training never draws; real sets are scored on the side of the split that training never
sees. Real sets that are not under DATA are left out, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.labelled_image import MODALITIES
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.evaluation.crop_classifier import CropBudget, crop_baseline
from earthgptx.evaluation.evaluate import Job, evaluate_folder, rounded
from earthgptx.evaluation.samples import Sample
from earthgptx.evaluation.similarity import load_sentence_encoder
from earthgptx.imagery.marks import MarkKind
from earthgptx.model.checkpoint import model_version
from earthgptx.model.pipeline import EarthGptX

FIRST_SCENE_SEED = 900_000
SCENES = 1000


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        folder: "synthetic-<modality>" or the name of a real set.
        metric: the metric that the line shows.
        wanted: least value asked for; None for lines that inform only.
        only: labels of samples to show instead of the total (kinds of question).
    """

    folder: str
    task: str
    metric: str
    prompts: MarkKind = "box"
    wanted: float | None = None
    only: tuple[str, ...] = ()
    limit: int = 250


def _synthetic(task: str, metric: str, wanted: float, prompts: MarkKind = "box") -> list[Line]:
    return [Line(f"synthetic-{m}", task, metric, prompts, wanted) for m in MODALITIES]


LINES: tuple[Line, ...] = (
    *_synthetic("classify_regions", "accuracy", 0.9),
    *_synthetic("classify_regions", "accuracy", 0.9, "point"),
    *_synthetic("classify_regions", "accuracy", 0.9, "scribble"),
    *_synthetic("segment", "mIoU", 0.55),
    *(
        Line(f"synthetic-{m}", "answer", "accuracy", wanted=0.85, only=("presence", "count"))
        for m in MODALITIES
    ),
    *(Line(f"synthetic-{m}", "segment_by_mark", "mIoU") for m in MODALITIES),
    *(Line(f"synthetic-{m}", "segment_by_mark", "mIoU", "point") for m in MODALITIES),
    *(Line(f"synthetic-{m}", "classify_image", "accuracy") for m in MODALITIES),
    *(Line(f"synthetic-{m}", "detect", "F1@0.5") for m in MODALITIES),
    Line("hit_uav", "classify_regions", "accuracy", wanted=0.8),
    Line("mstar_chips", "classify_image", "accuracy", wanted=0.85),
    Line("buildings", "segment_by_mark", "mIoU", wanted=0.6),
    Line("buildings", "segment", "mIoU"),
    Line("hit_uav", "detect", "F1@0.5"),
    Line("ships_sar", "segment_by_mark", "mIoU"),
)


def draw_scenes(folder: Path, modality: str, count: int) -> None:
    """Writes evaluation scenes of one modality unless they are there."""
    if not (folder / "annotations.json").exists():
        write_coco_folder(
            (
                generate_scene(FIRST_SCENE_SEED + n).labelled(modality)  # type: ignore[arg-type]
                for n in range(count)
            ),
            folder,
        )


def run_line(
    line: Line, folder: Path, model: EarthGptX, cache: Path | None, limit: int
) -> dict[str, Any]:
    """The whole report of one line, with the crop classifier where something is classified.

    Args:
        line: what to measure.
        folder: its data.
        model: what is measured.
        cache: folder of trained crop classifiers; None leaves them out.
        limit: at most so many samples.
    """
    split: Literal["val", "all"] = "all" if folder.name == "ships_sar" else "val"
    job = Job(folder, line.task, line.prompts, split, min(limit, line.limit))
    report, prepared = evaluate_folder(job, model, load_sentence_encoder(), _plain)
    # Marks of every kind are drawn on the same things: one classifier serves them all.
    if cache is not None and line.task.startswith("classify") and line.prompts == "box":
        baselines = report["baselines"]
        assert isinstance(baselines, dict)
        baselines["crop_classifier"] = crop_baseline(
            line.task, prepared.samples, prepared.rest, cache, CropBudget(), _say
        )
    shown = rounded(report)
    assert isinstance(shown, dict)
    return shown


def value_of(line: Line, report: dict[str, Any]) -> float:
    """The line's number; over several kinds of question weighted by their samples."""
    if not line.only:
        return float(report["metrics"][line.metric])
    rows = [report["per_class"][name] for name in line.only if name in report["per_class"]]
    samples = sum(row["samples"] for row in rows)
    return float(sum(row[line.metric] * row["samples"] for row in rows) / max(samples, 1))


def table_row(line: Line, report: dict[str, Any]) -> str:
    """One line of Markdown."""
    value = value_of(line, report)
    what = f"{line.task} ({', '.join(line.only)})" if line.only else line.task
    marks = line.prompts if report["prompts"] else "-"
    wanted = "-" if line.wanted is None else f"{line.wanted:.2f}"
    met = "" if line.wanted is None else (" yes" if value >= line.wanted else " **no**")
    baselines = "; ".join(
        f"{name} {baseline[line.metric]:.3f}"
        for name, baseline in report["baselines"].items()
        if isinstance(baseline.get(line.metric), float)
    )
    return (
        f"| {line.folder} | {what} | {marks} | {report['samples']} | {line.metric} "
        f"| {value:.3f} | {wanted}{met} | {baselines or '-'} |"
    )


HEAD = (
    "| data | task | marks | samples | metric | score | wanted | baselines |\n"
    "|---|---|---|---|---|---|---|---|"
)


def _plain(samples: Iterable[Sample], total: int) -> Iterator[Sample]:
    del total
    yield from samples


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Runs every line."""
    import torch

    parser = argparse.ArgumentParser(description="score a weights folder on everything")
    parser.add_argument("--weights", type=Path, default=Path("weights/nano"))
    parser.add_argument("--data", type=Path, help="folder of real COCO-style sets")
    parser.add_argument("--out", type=Path, default=Path("out/scores"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, default=250, help="samples a line")
    parser.add_argument("--no-crop-classifier", action="store_true", help="leave its training out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = EarthGptX.load(args.weights)
    args.out.mkdir(parents=True, exist_ok=True)
    rows, reports = [], []
    for line in LINES:
        if line.folder.startswith("synthetic-"):
            folder = args.out / line.folder
            draw_scenes(folder, line.folder.removeprefix("synthetic-"), SCENES)
        elif args.data is not None and (args.data / line.folder).exists():
            folder = args.data / line.folder
        else:
            rows.append(f"| {line.folder} | {line.task} | | | | not at hand | | |")
            continue
        cache = None if args.no_crop_classifier else args.out / "baselines"
        report = run_line(line, folder, model, cache, args.limit)
        reports.append(report)
        rows.append(table_row(line, report))
        _say(rows[-1])
        version = model_version(args.weights, "reasoner")
        text = f"Weights {version}.\n\n{HEAD}\n" + "\n".join(rows) + "\n"
        (args.out / "scores.md").write_text(text)
        (args.out / "scores.json").write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
