"""The model as one that looks at tiles: how many are there, and where is each?

B tiles, H W rows and columns of a tile as shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np

from earthgptx.imagery.masks import BoxXyxyPx, MaskHW
from earthgptx.model.pipeline import Answer, EarthGptX
from earthgptx.model.question import Question
from earthgptx.scenes.model import TileInstance, TileView
from earthgptx.scenes.overview import Overview
from earthgptx.words import is_substance, plural

# A speck of fewer pixels is no thing that anybody could name.
LEAST_AREA_PX = 12


@dataclass(frozen=True)
class AskingTileModel:
    """Asks of each tile for all of each label: a mask, and in it each thing by itself.

    Attributes:
        model: with an encoder that remembers what it saw; else each question encodes its tile.
        labels: in the model's own words.
        modality: what the sensor saw; None where not known.
        least_score: masks of which the decoder itself thinks less (its estimate of their IoU) are
            left out: what is drawn where there is nothing is mostly among them.
    """

    model: EarthGptX
    labels: tuple[str, ...]
    modality: str | None
    least_score: float

    def __call__(self, views: Sequence[TileView]) -> Sequence[Iterable[TileInstance]]:
        """See ``TileModel``; a substance gives an instance for each part of its mask."""
        asked = [(number, label) for number in range(len(views)) for label in self.labels]
        told = self._answers(views, [(n, _question(label)) for n, label in asked])
        found: list[list[tuple[str, Answer]]] = [[] for _ in views]
        for (number, label), answer in zip(asked, told, strict=True):
            found[number].append((label, answer))
        return [self._instances(each) for each in found]

    def _instances(self, found: Sequence[tuple[str, Answer]]) -> Iterator[TileInstance]:
        for label, answer in found:
            for mask in answer.masks:
                if mask.score < self.least_score:
                    continue
                for box, score in zip(mask.instances_xyxy_px, mask.instance_scores, strict=True):
                    part_HW = inside(mask.mask_HW, box)
                    if np.count_nonzero(part_HW) >= LEAST_AREA_PX:
                        yield TileInstance(label, score, part_HW, box)
                if not mask.instances_xyxy_px:
                    for part_HW in _parts(mask.mask_HW):
                        yield TileInstance(label, mask.score, part_HW)

    def _answers(self, views: Sequence[TileView], asked: Sequence[tuple[int, str]]) -> list[Answer]:
        if not asked:
            return []
        return self.model.answer_all(
            [
                Question(views[n].pixels_HWC, words, (), self.modality, valid_HW=views[n].valid_HW)
                for n, words in asked
            ]
        )


@dataclass(frozen=True)
class OverviewDescriber:
    """Says what the whole scene shows."""

    model: EarthGptX
    modality: str | None

    def __call__(self, overview: Overview) -> str:
        """See ``SceneDescriber``."""
        words = "describe the image."
        return self.model.answer(overview.pixels_HWC, words, (), self.modality).text


def _question(label: str) -> str:
    return f"{'segment' if is_substance(label) else 'detect'} all {plural(label)}."


def inside(mask_HW: MaskHW, box_xyxy_px: BoxXyxyPx) -> MaskHW:
    """What of a mask lies in a box: one thing of several."""
    x0, y0, x1, y1 = box_xyxy_px
    rows, columns = slice(floor(y0), ceil(y1)), slice(floor(x0), ceil(x1))
    part_HW = np.zeros_like(mask_HW)
    part_HW[rows, columns] = mask_HW[rows, columns]
    return part_HW


def _parts(mask_HW: MaskHW) -> Iterator[MaskHW]:
    """Connected parts, the specks left out."""
    count, numbers_HW, facts, _ = cv2.connectedComponentsWithStats(
        mask_HW.astype(np.uint8), connectivity=8
    )
    for number in range(1, count):
        if facts[number, cv2.CC_STAT_AREA] >= LEAST_AREA_PX:
            yield numbers_HW == number
