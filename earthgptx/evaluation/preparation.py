"""From a dataset to the samples of one task: which part of it, whose questions, whose marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from earthgptx.data.adapters.dataset import Dataset
from earthgptx.data.adapters.registry import AUTO, open_dataset
from earthgptx.data.coco_folder import DataError, split_by_group
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord
from earthgptx.evaluation.prompts import Prompts
from earthgptx.evaluation.record_samples import record_samples, tasks_of
from earthgptx.evaluation.samples import MASK_TASKS, TASKS, Sample, make_samples

ALL = "all"
MOST_TOGETHER = 4
WITHOUT_LEARNING = MASK_TASKS | {"detect"}
# The first of these that a dataset has is evaluated where none is named.
_USUAL_SPLITS = ("test", "val")
# Of so many images it is told what else a dataset could serve.
_MOST_LOOKED_THROUGH = 200
_MOST_GROUPS_TOLD = 12

# Questions of the dataset's own, or images whose labels templates ask about.
Items = Sequence[InstructionRecord | LabelledImage]


class CannotEvaluate(ValueError):
    """What is asked for does not go with the dataset, or with itself."""


@dataclass(frozen=True)
class Job:
    """What to evaluate.

    Attributes:
        path: dataset in any of the formats of ``earthgptx.data.adapters``.
        task: one of ``samples.TASKS``.
        prompts: what the marks are drawn with; None: as the dataset has drawn them, boxes where it
            has drawn none.
        split: one of the dataset's makers, or "all"; of a dataset that they did not divide "val",
            the side that training does not see. None: "test" where there is one, else "val".
        limit: at most so many samples, 0 for all; a fixed choice that mixes images.
        together: classify_regions: up to so many things of one image by one question (at most
            ``MOST_TOGETHER``, what the model was trained with).
        tile_px: detect: images are searched in tiles of this side, as scenes are; 0: at once.
        only: labels of samples (classes, kinds of question) that are asked; all where empty.
        groups: places, flights or events of which images are asked about; all where empty.
        format_name: one of the formats, "auto" to tell it from names of files.
        validation_fraction: share of images on the validation side, as in training.
        split_seed: as in training.
    """

    path: Path
    task: str
    prompts: Prompts | None = None
    split: str | None = None
    limit: int = 0
    together: int = 1
    tile_px: int = 0
    only: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    format_name: str = AUTO
    validation_fraction: float = 0.2
    split_seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """Samples to ask, and what the report says of them.

    Attributes:
        samples: questions about one image come one after the other.
        rest: samples of the part not evaluated, where the task's baselines learn.
        split: the part that is asked about; ``split_note`` says how it was divided.
        prompts: what marks are drawn with.
        own_questions: they are the dataset's; else made from labels by templates.
    """

    samples: list[Sample]
    rest: list[Sample]
    split: str
    split_note: str
    prompts: Prompts
    own_questions: bool


@dataclass(frozen=True)
class _Divided:
    """A dataset's part that is asked about, and the part that constants are taken from."""

    chosen: Items
    rest: Items
    split: str
    note: str


def prepare(job: Job, images: Sequence[LabelledImage] | None = None) -> Prepared:
    """Read, split, and make the samples.

    Args:
        job: what to evaluate.
        images: of the job's dataset, where they have been read already.

    Raises:
        DataError: the dataset cannot be read, or has no such split.
        CannotEvaluate: no sample of this task is in it, or a choice of the job does not fit.
    """
    if images is None:
        divided = _divided(open_dataset(job.path, job.format_name), job)
    else:
        divided = _divided_by_group(images, job)
    items = _of_groups(divided.chosen, job)
    samples = [s for s in _samples(items, job.task) if not job.only or s.label in job.only]
    if not samples:
        told = f"no sample for {job.task} in split {divided.split}"
        raise CannotEvaluate(f"{job.path}: {told}; {_told_of_served(job)}")
    own_questions = bool(samples[0].record_id)
    _refuse_misfits(job, own_questions)
    limited = sorted(samples[: job.limit or None], key=lambda s: s.image.image_id)
    learnt_from = [] if job.task in WITHOUT_LEARNING else _samples(divided.rest, job.task)
    prompts = job.prompts or ("own" if own_questions else "box")
    note = divided.note + (f"; of {', '.join(job.groups)} alone" if job.groups else "")
    return Prepared(limited, learnt_from, divided.split, note, prompts, own_questions)


def _of_groups(items: Items, job: Job) -> Items:
    """Those whose images are of the job's groups."""
    there = sorted({_image_of(item).group or "" for item in items})
    if lacking := sorted(set(job.groups) - set(there)):
        told = ", ".join(there[:_MOST_GROUPS_TOLD]) + (" ..." if there[_MOST_GROUPS_TOLD:] else "")
        raise CannotEvaluate(f"group: {job.path} evaluates no {lacking[0]!r}; there are {told}")
    return [item for item in items if not job.groups or _image_of(item).group in job.groups]


def _refuse_misfits(job: Job, own_questions: bool) -> None:
    if job.task == "segment_by_mark" and job.prompts == "mask":
        raise CannotEvaluate(
            "prompts: the mask is what segment_by_mark is to find; "
            "take box, point, scribble, polygon or mixed"
        )
    if own_questions and job.together > 1:
        raise CannotEvaluate(f"together: {job.path} asks about each thing in words of its own")
    if not own_questions and job.prompts == "own":
        raise CannotEvaluate(f"prompts: {job.path} has drawn no marks of its own for {job.task}")


def _samples(items: Items, task: str) -> list[Sample]:
    """Either kind of item, made into samples."""
    records = [item for item in items if isinstance(item, InstructionRecord)]
    images = [item for item in items if isinstance(item, LabelledImage)]
    return record_samples(records, task) or make_samples(images, task)


def _divided(dataset: Dataset, job: Job) -> _Divided:
    """The split that is asked about, and what constants are taken from."""
    splits = dataset.format.splits
    there = (*(splits or ("val",)), ALL)
    split = job.split or next(name for name in _USUAL_SPLITS if name in there)
    if split not in there:
        raise DataError(f"{dataset.path}: no split {split!r} (there: {', '.join(there)})")
    if not splits:
        return _divided_by_group(_items(dataset, None, job.task), job)
    chosen = _items(dataset, None if split == ALL else split, job.task)
    rest, told = chosen, ""
    if job.task not in WITHOUT_LEARNING:
        rest, told = _fitted_on(dataset, split, job.task, chosen)
    divided = "every split" if split == ALL else "as its makers divided it"
    return _Divided(chosen, rest, split, divided + told)


def _fitted_on(dataset: Dataset, split: str, task: str, chosen: Items) -> tuple[Items, str]:
    """What constants are taken from, and how the report says so."""
    same = chosen, "; constants are taken from the same questions"
    if split in ("train", ALL) or "train" not in dataset.format.splits:
        return same
    try:
        rest = _items(dataset, "train", task)
    except DataError as fault:
        return chosen, f"{same[1]} ({fault})"
    return (rest, "; constants are taken from train") if rest else same


def _items(dataset: Dataset, split: str | None, task: str) -> Items:
    """The dataset's own questions of a task; where it asks none, its labelled images."""
    own = [record for record in dataset.records(split) if task in tasks_of(record)]
    return own or list(dataset.images(split))


def _divided_by_group(items: Items, job: Job) -> _Divided:
    """What its makers did not divide: as training does, or all of it."""
    if job.split == ALL:
        note = "every image; constants are taken from the same images"
        return _Divided(items, items, ALL, note)
    images = {_image_of(item).image_id: _image_of(item) for item in items}
    rest, chosen = split_by_group(list(images.values()), job.validation_fraction, job.split_seed)
    ids = {image.image_id for image in chosen}
    return _Divided(
        [item for item in items if _image_of(item).image_id in ids],
        [item for item in items if _image_of(item).image_id not in ids],
        "val",
        _group_note(rest, chosen),
    )


def _image_of(item: InstructionRecord | LabelledImage) -> LabelledImage:
    return item.image if isinstance(item, InstructionRecord) else item


def _group_note(rest: Sequence[LabelledImage], chosen: Sequence[LabelledImage]) -> str:
    groups = [{image.group for image in part} for part in (rest, chosen)]
    if len(groups[0] | groups[1]) < 2:
        return "one group only: split by image, so evaluated images have near twins in training"
    return f"split by group: {len(groups[0])} groups for training, {len(groups[1])} evaluated"


def _told_of_served(job: Job) -> str:
    """What the dataset could be asked instead, in all of its splits."""
    dataset = open_dataset(job.path, job.format_name)
    served = Counter(task for record in dataset.records() for task in tasks_of(record))
    images = list(islice(dataset.images(), _MOST_LOOKED_THROUGH))
    by_label = {task for task in TASKS if any(make_samples([image], task) for image in images)}
    there = [task for task in TASKS if served[task] or task in by_label]
    return f"in all its splits (--split all) it serves {', '.join(there) or 'nothing'}"
