"""What is drawn on a marked thing: the dataset's own marks, or what a user might draw instead."""

from __future__ import annotations

from typing import Literal

from earthgptx.evaluation.samples import Sample, object_mask, rng_for
from earthgptx.imagery.marks import (
    MarkKind,
    Region,
    marks_from_mask,
    mixed_marks_from_mask,
)

Prompts = MarkKind | Literal["own", "mixed"]
# "own": the marks that the dataset has drawn; "mixed": several kinds on each thing.
PROMPTS: tuple[Prompts, ...] = ("own", "box", "point", "scribble", "polygon", "mask", "mixed")


def regions_of(sample: Sample, prompts: Prompts) -> tuple[Region, ...]:
    """``<Region 1>``, ``<Region 2>``, ... of the sample's question; none where nothing is marked.

    A dataset's question keeps the dataset's marks, whatever ``prompts`` is, where it is about
    several regions, or where its marks do not tell how large the thing is (points, strokes).
    """
    if sample.marked is None or prompts == "own":
        return sample.own_regions
    return (mark_of(sample, prompts),)


def mark_of(sample: Sample, prompts: Prompts) -> Region:
    """What a user might draw on the sample's object; on its box where it has no mask."""
    assert sample.marked is not None and prompts != "own"
    mask_HW = object_mask(sample.image, sample.image.objects[sample.marked])
    rng = rng_for(sample.key + prompts)
    if prompts == "mixed":
        return mixed_marks_from_mask(mask_HW, rng)
    return marks_from_mask(mask_HW, prompts, rng)
