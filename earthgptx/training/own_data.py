"""One's own sets as parts of a mixture: what fits into memory, and shards that need not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earthgptx.data.adapters.own_lines import SHARDS
from earthgptx.data.adapters.registry import open_dataset
from earthgptx.data.coco_folder import DataError
from earthgptx.data.records import InstructionRecord
from earthgptx.data.sharded_records import ShardedRecords
from earthgptx.training.mixture import Drawn, MixturePart, folder_source
from earthgptx.training.pictures import Shown, shown_of_image, shown_of_record
from earthgptx.training.recipes import synthetic_parts

# A set ten times as large is seen about three times as often.
TEMPERATURE = 2.0
MOST_SHOWN = 3
# A sheet of answers takes seconds: a run draws so many, however long its epochs are.
LEAST_SHEETS, MOST_SHEETS = 3, 20


@dataclass(frozen=True)
class OwnSet:
    """A set by name, and all that can be learnt from in it, pixels unread."""

    name: str
    drawn: Sequence[Drawn]


def open_own_set(path: Path) -> OwnSet:
    """A set in any of the formats that ``earthgptx data formats`` lists.

    Its labels and records are in memory; those of shards stay on disk until they are drawn.

    Raises:
        DataError: it is empty or broken.
    """
    dataset = open_dataset(path)
    drawn: Sequence[Drawn]
    if dataset.format_name == SHARDS:
        drawn = ShardedRecords(path)
    else:
        drawn = [
            *(i for i in dataset.images() if i.objects or i.image_label or i.scene),
            *dataset.records(),
        ]
    if not drawn:
        raise DataError(f"{path}: nothing to learn from: no labels, no questions")
    return OwnSet(dataset.name, drawn)


def mixed_with_synthetic(own: Sequence[OwnSet], rehearsal: float) -> list[MixturePart]:
    """Each set with its share by temperature, and a share of synthetic scenes."""
    sizes = [len(each.drawn) ** (1 / TEMPERATURE) for each in own]
    parts = [
        MixturePart(each.name, folder_source(each.drawn), (1 - rehearsal) * size / sum(sizes))
        for each, size in zip(own, sizes, strict=True)
    ]
    scenes = synthetic_parts()
    total = sum(part.share for part in scenes)
    return parts + [
        MixturePart(part.name, part.source, rehearsal * part.share / total) for part in scenes
    ]


def steps_an_epoch(own: Sequence[OwnSet], rehearsal: float, batch_size: int, steps: int) -> int:
    """After how many steps as much of the sets was drawn as there is in them.

    Rounded so that a run of ``steps`` has three such epochs at least and twenty at most.
    """
    size = sum(len(each.drawn) for each in own)
    exact = math.ceil(size / (batch_size * (1 - rehearsal)))
    return max(min(exact, steps // LEAST_SHEETS), steps // MOST_SHEETS, 1)


def shown_of(own: Sequence[OwnSet]) -> list[Shown]:
    """Questions about the first of each set."""
    shown: list[Shown] = []
    for each in own:
        for first in each.drawn[:MOST_SHOWN]:
            if isinstance(first, InstructionRecord):
                shown.append(shown_of_record(first))
            else:
                shown += shown_of_image(first, seed=0)
    return shown[: 3 * MOST_SHOWN]
