"""Whatever can be asked: the model in one process, a served suite, or a fake in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.metrics import BoxXyxyPx, MaskHW
from earthgptx.evaluation.samples import Sample, mark_of, pixels_rgb
from earthgptx.imagery.marks import MarkKind, Region

PixelsHW3 = npt.NDArray[np.uint8]


class FoundMask(Protocol):
    """A mask of the full image."""

    @property
    def mask_HW(self) -> MaskHW:
        """Bool [H, W]."""
        ...


class Answered(Protocol):
    """An answer: words, boxes in pixels of the full image by phrase, masks."""

    @property
    def text(self) -> str:
        """Without markup."""
        ...

    @property
    def boxes(self) -> Sequence[tuple[str, Sequence[BoxXyxyPx]]]:
        """(phrase, boxes)."""
        ...

    @property
    def masks(self) -> Sequence[FoundMask]:
        """In order of the text."""
        ...


class Answerer(Protocol):
    """Looks at the whole image, or close to the marks, as ``choose_window`` decides."""

    def answer(
        self,
        pixels_HWC: PixelsHW3,
        question: str,
        regions: Sequence[Region] = (),
        modality: str | None = None,
    ) -> Answered:
        """Answers one question."""
        ...

    def segment_regions(
        self, pixels_HWC: PixelsHW3, regions: Sequence[Region]
    ) -> Sequence[FoundMask]:
        """One mask for each region."""
        ...


@dataclass(frozen=True)
class Prediction:
    """What came back for one sample; the mask is the union of all masks."""

    text: str = ""
    mask_HW: MaskHW | None = None
    boxes: tuple[BoxXyxyPx, ...] = field(default=())


def ask(answerer: Answerer, sample: Sample, prompts: MarkKind) -> Prediction:
    """Put one sample to the answerer."""
    pixels_HWC = pixels_rgb(sample.image)
    regions = () if sample.marked is None else (mark_of(sample, prompts),)
    if not sample.question:
        return Prediction(mask_HW=_united(answerer.segment_regions(pixels_HWC, regions)))
    answered = answerer.answer(pixels_HWC, sample.question, regions, sample.image.modality)
    boxes = tuple(box for _, group in answered.boxes for box in group)
    return Prediction(answered.text, _united(answered.masks), boxes)


def _united(masks: Sequence[FoundMask]) -> MaskHW | None:
    if not masks:
        return None
    union_HW = masks[0].mask_HW.copy()
    for found in masks[1:]:
        union_HW |= found.mask_HW
    return union_HW
