"""One task on one folder: ask, judge, report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earthgptx.data.coco_folder import read_coco_folder, split_by_group
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.evaluation.answerer import Answerer, ask
from earthgptx.evaluation.baselines import trivial_baselines
from earthgptx.evaluation.metrics import normalised
from earthgptx.evaluation.samples import Sample, make_samples
from earthgptx.evaluation.scoring import Outcome, by_label, by_modality, judge, score
from earthgptx.evaluation.similarity import SentenceEncoder
from earthgptx.imagery.marks import MarkKind

Report = dict[str, object]
Progress = Callable[[Iterable[Sample], int], Iterable[Sample]]
_DIGITS = 4
_MOST_CONFUSIONS = 12


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
        validation_fraction: share of images on the validation side, as in training.
        split_seed: as in training.
    """

    folder: Path
    task: str
    prompts: MarkKind = "box"
    split: Literal["val", "all"] = "val"
    limit: int = 0
    validation_fraction: float = 0.2
    split_seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """Samples to ask, and the rest of the folder for what baselines learn."""

    samples: list[Sample]
    rest: list[Sample]
    split_note: str


def prepare(job: Job) -> Prepared:
    """Read, split, and make the samples.

    Raises:
        DataError: the folder cannot be read.
        NothingToEvaluate: no sample of this task is in it.
    """
    images = read_coco_folder(job.folder)
    rest, chosen = split_by_group(images, job.validation_fraction, job.split_seed)
    note = _split_note(rest, chosen)
    if job.split == "all":
        chosen, note = images, "every image; constants are taken from the same images"
        rest = images
    samples = make_samples(chosen, job.task)
    if not samples:
        raise NothingToEvaluate(f"{job.folder}: no sample for {job.task} in split {job.split}")
    return Prepared(samples[: job.limit or None], make_samples(rest, job.task), note)


def _split_note(rest: Sequence[LabelledImage], chosen: Sequence[LabelledImage]) -> str:
    groups = [{image.group for image in part} for part in (rest, chosen)]
    if len(groups[0] | groups[1]) < 2:
        return "one group only: split by image, so evaluated images have near twins in training"
    return f"split by group: {len(groups[0])} groups for training, {len(groups[1])} evaluated"


def evaluate_folder(
    job: Job, answerer: Answerer, encoder: SentenceEncoder | None, progress: Progress
) -> tuple[Report, Prepared]:
    """Ask everything and put the report together."""
    prepared = prepare(job)
    started = time.monotonic()
    outcomes = [
        judge(job.task, sample, ask(answerer, sample, job.prompts))
        for sample in progress(prepared.samples, len(prepared.samples))
    ]
    report: Report = {
        "task": job.task,
        "folder": job.folder.name,
        "prompts": job.prompts if prepared.samples[0].marked is not None else None,
        "split": job.split,
        "split_note": prepared.split_note,
        "samples": len(outcomes),
        "images": len({outcome.sample.image.image_id for outcome in outcomes}),
        "metrics": score(job.task, outcomes, encoder),
        "per_class": _table(job.task, by_label(outcomes)),
        "per_modality": _table(job.task, by_modality(outcomes)),
        "baselines": trivial_baselines(job.task, prepared.samples, prepared.rest, job.prompts),
        "notes": _notes(job, outcomes),
        "seconds": time.monotonic() - started,
    }
    if job.task.startswith("classify"):
        report["confusions"] = _confusions(outcomes)
    return report, prepared


def _table(task: str, groups: dict[str, list[Outcome]]) -> dict[str, object]:
    kept = ("accuracy", "mIoU", "oIoU", "F1@0.5", "S-IoU", "count_error")
    table: dict[str, object] = {}
    for name, group in groups.items():
        scores = {k: v for k, v in score(task, group, None).items() if k in kept}
        table[name] = {"samples": len(group), **scores}
    return table


def _confusions(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """The most frequent wrong answers."""
    wrong = Counter(
        (outcome.sample.expected, normalised(outcome.text)[:40])
        for outcome in outcomes
        if not outcome.is_right
    )
    return [
        {"truth": truth, "said": said, "times": times}
        for (truth, said), times in wrong.most_common(_MOST_CONFUSIONS)
    ]


def _notes(job: Job, outcomes: Sequence[Outcome]) -> list[str]:
    notes = ["greedy decoding; a missing or malformed answer counts as wrong"]
    if job.task in ("segment", "caption", "answer"):
        notes.append(
            "questions and truth are made from labels by templates: this measures agreement "
            "with the templates, not understanding of language"
        )
    if job.task == "detect":
        notes.append("classes of which every instance is annotated, and one absent class an image")
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


def rounded(value: object) -> object:
    """Floats with four decimals, all the way down."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return value
