"""Walks a dataset from end to end and counts what is in it; what is broken is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from earthgptx.data.adapters.dataset import Dataset
from earthgptx.data.coco_folder import DataError
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord
from earthgptx.imagery.mark_shapes import mark_kind

# More broken records than this are counted, not told.
MOST_FAULTS_TOLD = 50

Item = TypeVar("Item")
Seen = Callable[[LabelledImage | InstructionRecord], None]


@dataclass
class Summary:
    """What a walk has found.

    Attributes:
        labelled_images: images with labels; ``records``: questions with answers.
        pictures: different images of either.
        sizes: "800x800" and how many pictures have it.
        labels: objects by class; ``whole_images``: images by scene or by label of the whole.
        geometry: how many objects have a box alone, corners, a mask.
        marks: marks by kind.
        faults: the first messages about what is broken; ``fault_count`` counts all.
    """

    labelled_images: int = 0
    records: int = 0
    pictures: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    modalities: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    whole_images: Counter[str] = field(default_factory=Counter)
    geometry: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    groups: set[str] = field(default_factory=set)
    gsd_m: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0

    def blame(self, fault: DataError) -> None:
        """Notes one broken record."""
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS_TOLD:
            self.faults.append(str(fault))

    def as_json(self) -> dict[str, Any]:
        """All counts, the most frequent first; ground sampling distances as their range."""
        told: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, Counter):
                told[name] = dict(value.most_common())
            elif name == "groups":
                told[name] = len(value)
            elif name == "gsd_m":
                told[name] = [min(value), max(value)] if value else None
            else:
                told[name] = value
        return told


def walk(dataset: Dataset, split: str | None, limit: int | None, seen: Seen) -> Summary:
    """Reads every label, record and picture of a dataset.

    Args:
        dataset: opened.
        split: one of its splits, or None for all.
        limit: stops after so many labelled images and so many records; None for no limit.
        seen: called with each that is whole.

    Raises:
        DataError: the set has no such split.
    """
    summary = Summary()
    forgiving = dataset.leaving_out_broken(summary.blame)
    pictures: dict[str, bool] = {}
    for image in islice(_through(forgiving.images(split), summary), limit):
        if _picture_is_whole(image, pictures, summary):
            _count_image(image, summary)
            seen(image)
    for record in islice(_through(forgiving.records(split), summary), limit):
        if _picture_is_whole(record.image, pictures, summary):
            _count_record(record, summary)
            seen(record)
    summary.pictures = sum(pictures.values())
    return summary


def _through(items: Iterator[Item], summary: Summary) -> Iterator[Item]:
    """The items up to a fault of the whole file, which ends them."""
    try:
        yield from items
    except DataError as fault:
        summary.blame(fault)


def _picture_is_whole(image: LabelledImage, pictures: dict[str, bool], summary: Summary) -> bool:
    """Decodes a picture that was not seen before, and counts what it is."""
    if image.image_id in pictures:
        return pictures[image.image_id]
    pictures[image.image_id] = False
    try:
        height, width = image.load_pixels().shape[:2]
        if (width, height) != (image.width_px, image.height_px):
            told = f"{image.width_px}x{image.height_px}"
            raise DataError(f"{image.image_id}: {width}x{height} px, but annotated as {told}")
    except DataError as fault:
        summary.blame(fault)
        return False
    pictures[image.image_id] = True
    summary.sizes[f"{width}x{height}"] += 1
    summary.modalities[image.modality] += 1
    summary.licences[image.licence] += 1
    if image.group is not None:
        summary.groups.add(image.group)
    if image.gsd_m is not None:
        summary.gsd_m.append(image.gsd_m)
    return True


def _count_image(image: LabelledImage, summary: Summary) -> None:
    summary.labelled_images += 1
    whole = image.image_label or image.scene
    if whole:
        summary.whole_images[whole] += 1
    for thing in image.objects:
        summary.labels[thing.label] += 1
        summary.geometry["boxes"] += 1
        summary.geometry["masks"] += thing.mask is not None
        summary.geometry["corners"] += thing.polygon_xy_px is not None


def _count_record(record: InstructionRecord, summary: Summary) -> None:
    summary.records += 1
    summary.tasks[record.task] += 1
    summary.splits[record.split or "none"] += 1
    for region in record.marks:
        summary.marks.update(mark_kind(mark) for mark in region.marks)
