"""Which classes of things a caption names, and whether it names the scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earthgptx.evaluation.label_text import normalised
from earthgptx.evaluation.samples import Sample
from earthgptx.evaluation.tally import Tally
from earthgptx.words import plural


def add_naming_scores(tally: Tally, captions: Sequence[tuple[Sample, str]]) -> None:
    """Precision and recall of the classes of things named, and how often the scene is."""
    counts_N3 = np.array([_named(sample, text) for sample, text in captions], np.float64)
    tally.ratio("naming_precision", counts_N3[:, 0], counts_N3[:, 1])
    tally.ratio("naming_recall", counts_N3[:, 0], counts_N3[:, 2])
    tally.share("scene_named", [_names(text, sample.label) for sample, text in captions])


def _named(sample: Sample, text: str) -> tuple[int, int, int]:
    """Classes rightly named, named, and present."""
    image = sample.image
    stuff = {thing.label for thing in image.objects if thing.stuff}
    present = {thing.label for thing in image.objects if not thing.stuff}
    known = image.exhaustive | present | stuff
    said = {label for label in known if _names(text, label)} - stuff
    return len(said & present), len(said), len(present)


def _names(text: str, label: str) -> bool:
    words = f" {normalised(text).replace(',', ' ').replace('.', ' ')} "
    words = " ".join(words.split()).join("  ")
    return f" {label} " in words or f" {plural(label)} " in words
