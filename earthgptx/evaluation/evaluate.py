"""One task on one folder: ask, judge, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from earthgptx.data.coco_folder import read_coco_folder, split_by_group
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.evaluation.answerer import Answerer, Prediction, ask_each, ask_together
from earthgptx.evaluation.baselines import trivial_baselines
from earthgptx.evaluation.confusion import confusions
from earthgptx.evaluation.samples import CAPTION_TASKS, MASK_TASKS, Sample, make_samples
from earthgptx.evaluation.scoring import Outcome, Scorer, by_label, by_modality
from earthgptx.evaluation.tally import Tally
from earthgptx.evaluation.tiles import detect_in_tiles
from earthgptx.imagery.marks import MarkKind

Report = dict[str, object]
Progress = Callable[[Iterable[Sample], int], Iterable[Sample]]
MOST_TOGETHER = 4
_WITHOUT_LEARNING = MASK_TASKS | {"detect"}
_FEW = 50


class NothingToEvaluate(ValueError):
    """The folder holds no sample of the task."""


@dataclass(frozen=True)
class Job:
    """What to evaluate.

    Attributes:
        folder: COCO-style folder.
        task: one of ``samples.TASKS``.
        prompts: what the marks are drawn with.
        split: "val" is the side that training does not see; "all" is every image.
        limit: at most so many samples, 0 for all; a fixed choice that mixes images.
        together: classify_regions: up to so many things of one image by one question (at most
            ``MOST_TOGETHER``, what the model was trained with).
        tile_px: detect: images are searched in tiles of this side, as scenes are; 0: at once.
        only: labels of samples (classes, kinds of question) that are asked; all where empty.
        validation_fraction: share of images on the validation side, as in training.
        split_seed: as in training.
    """

    folder: Path
    task: str
    prompts: MarkKind = "box"
    split: Literal["val", "all"] = "val"
    limit: int = 0
    together: int = 1
    tile_px: int = 0
    only: tuple[str, ...] = ()
    validation_fraction: float = 0.2
    split_seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """Samples to ask, and those of the rest of the folder, where the task's baselines learn."""

    samples: list[Sample]
    rest: list[Sample]
    split_note: str


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation: the report, and what it was made from."""

    job: Job
    report: Report
    prepared: Prepared
    outcomes: list[Outcome]
    tally: Tally


def prepare(job: Job, images: Sequence[LabelledImage] | None = None) -> Prepared:
    """Read, split, and make the samples.

    Args:
        job: what to evaluate.
        images: of the job's folder, where they have been read already.

    Raises:
        DataError: the folder cannot be read.
        NothingToEvaluate: no sample of this task is in it.
    """
    images = read_coco_folder(job.folder) if images is None else images
    rest, chosen = split_by_group(images, job.validation_fraction, job.split_seed)
    note = _split_note(rest, chosen)
    if job.split == "all":
        chosen = rest = list(images)
        note = "every image; constants are taken from the same images"
    samples = [s for s in make_samples(chosen, job.task) if not job.only or s.label in job.only]
    if not samples:
        raise NothingToEvaluate(f"{job.folder}: no sample for {job.task} in split {job.split}")
    # Questions about one image come one after the other, so that it is encoded once.
    limited = sorted(samples[: job.limit or None], key=lambda s: s.image.image_id)
    learnt_from = [] if job.task in _WITHOUT_LEARNING else make_samples(rest, job.task)
    return Prepared(limited, learnt_from, note)


def _split_note(rest: Sequence[LabelledImage], chosen: Sequence[LabelledImage]) -> str:
    groups = [{image.group for image in part} for part in (rest, chosen)]
    if len(groups[0] | groups[1]) < 2:
        return "one group only: split by image, so evaluated images have near twins in training"
    return f"split by group: {len(groups[0])} groups for training, {len(groups[1])} evaluated"


def evaluate_folder(job: Job, answerer: Answerer, scorer: Scorer, progress: Progress) -> Evaluation:
    """Prepares and evaluates; see both."""
    return evaluate_samples(job, prepare(job), answerer, scorer, progress)


def evaluate_samples(
    job: Job, prepared: Prepared, answerer: Answerer, scorer: Scorer, progress: Progress
) -> Evaluation:
    """Ask everything and put the report together."""
    samples = prepared.samples
    started = time.monotonic()
    outcomes = [
        scorer.judge(job.task, sample, prediction)
        for sample, prediction in zip(
            samples, _predictions(job, answerer, progress(samples, len(samples))), strict=True
        )
    ]
    tally = scorer.score(job.task, outcomes)
    report: Report = {
        "task": job.task,
        "folder": job.folder.name,
        "prompts": job.prompts if samples[0].marked is not None else None,
        "split": job.split,
        "split_note": prepared.split_note,
        "samples": len(outcomes),
        "images": len({outcome.sample.image.image_id for outcome in outcomes}),
        "conventions": scorer.conventions.told(),
        "metrics": tally.scores,
        "intervals_95": {name: list(ends) for name, ends in tally.intervals.items()},
        "per_class": _table(job.task, by_label(outcomes), scorer.briefly),
        "per_modality": _table(job.task, by_modality(outcomes), scorer.briefly),
        "baselines": trivial_baselines(job.task, samples, prepared.rest, job.prompts, scorer),
        "notes": _notes(job, outcomes),
        "seconds": time.monotonic() - started,
    }
    if job.task.startswith("classify"):
        report["confusions"] = confusions(outcomes)
    return Evaluation(job, report, prepared, outcomes, tally)


def _predictions(job: Job, answerer: Answerer, samples: Iterable[Sample]) -> Iterable[Prediction]:
    if job.task == "detect" and job.tile_px:
        yield from detect_in_tiles(answerer, samples, job.tile_px)
        return
    if job.task != "classify_regions" or job.together < 2:
        yield from ask_each(answerer, job.task, samples, job.prompts)
        return
    for _, of_image in groupby(samples, key=lambda sample: sample.image.image_id):
        group = list(of_image)
        for start in range(0, len(group), job.together):
            yield from ask_together(answerer, group[start : start + job.together], job.prompts)


def _table(task: str, groups: dict[str, list[Outcome]], scorer: Scorer) -> dict[str, object]:
    kept = ("accuracy", "mIoU", "oIoU", "F1@0.5", "S-IoU", "ROUGE-L", "count_error")
    table: dict[str, object] = {}
    for name, group in groups.items():
        scores = {k: v for k, v in scorer.score(task, group).scores.items() if k in kept}
        table[name] = {"samples": len(group), **scores}
    return table


def _notes(job: Job, outcomes: Sequence[Outcome]) -> list[str]:
    notes = ["greedy decoding; a missing or malformed answer counts as wrong"]
    if job.task in CAPTION_TASKS or job.task in ("segment", "answer"):
        notes.append(
            "questions and truth are made from labels by templates: this measures agreement "
            "with the templates, not understanding of language"
        )
    if job.task in CAPTION_TASKS and len(outcomes) < _FEW:
        notes.append("CIDEr-D takes its weights from the evaluated references: few say little")
    if job.task == "detect":
        notes.append("classes of which every instance is annotated, and one absent class an image")
    if job.tile_px:
        notes.append(f"searched in tiles of {job.tile_px} px, as scenes are")
    if job.task == "segment" and any(not _is_complete(o.sample) for o in outcomes):
        notes.append(
            "some classes are not annotated throughout: masks of what is not annotated count as "
            "wrong, so the score is a lower bound"
        )
    marked = [o.sample for o in outcomes if o.sample.marked is not None]
    if any(s.image.objects[s.marked or 0].mask is None for s in marked):
        notes.append("objects without a mask are marked by way of their filled box")
    return notes


def _is_complete(sample: Sample) -> bool:
    image = sample.image
    things = [image.objects[index] for index in sample.mask_objects]
    return all(thing.stuff or thing.label in image.exhaustive for thing in things)
