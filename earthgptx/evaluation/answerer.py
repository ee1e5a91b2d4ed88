"""Whatever can be asked: the model in one process, a served suite, or a fake in tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.label_text import labels_of_regions
from earthgptx.evaluation.prompts import Prompts, regions_of
from earthgptx.evaluation.samples import Sample, pixels_rgb
from earthgptx.imagery.marks import Region
from earthgptx.imagery.masks import BoxXyxyPx, MaskHW
from earthgptx.imagery.windows import whole_image
from earthgptx.model.question import Question

PixelsHW3 = npt.NDArray[np.uint8]

# Long enough for every true answer of a template; what goes on beyond is wrong anyway. How long
# a dataset's own answers are is not known.
_MOST_TOKENS = {"classify_regions": 20, "classify_image": 20, "answer": 20, "segment": 48}
_MOST_TOKENS_REGION_LINE = 24
_IN_STEP = 16
_ALL_REGIONS = "Please identify the labels of each marked region in the image."


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
    """Looks at a question's window, or where ``choose_window`` decides."""

    def answer_all(
        self, questions: Sequence[Question], max_new_tokens: int = 0
    ) -> Sequence[Answered]:
        """Answers several questions, each as it would be alone."""
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


def ask_each(
    answerer: Answerer, task: str, samples: Iterable[Sample], prompts: Prompts
) -> Iterator[Prediction]:
    """Put samples to the answerer, several in step; predictions come in the order of samples."""
    waiting = iter(samples)
    while batch := list(islice(waiting, _IN_STEP)):
        images = {sample.image.image_id: sample.image for sample in batch}
        pixels = {name: pixels_rgb(image) for name, image in images.items()}
        if task == "segment_by_mark":
            for sample in batch:
                regions = regions_of(sample, prompts)
                masks = answerer.segment_regions(pixels[sample.image.image_id], regions)
                yield Prediction(mask_HW=_united(masks))
            continue
        questions = [_question(s, pixels[s.image.image_id], prompts) for s in batch]
        by_template = not any(sample.record_id for sample in batch)
        most_tokens = _MOST_TOKENS.get(task, 0) if by_template else 0
        for answered in answerer.answer_all(questions, most_tokens):
            boxes = tuple(box for _, group in answered.boxes for box in group)
            yield Prediction(answered.text, _united(answered.masks), boxes)


def _question(sample: Sample, pixels_HWC: PixelsHW3, prompts: Prompts) -> Question:
    image = sample.image
    window = whole_image(image.width_px, image.height_px) if sample.whole else None
    regions = regions_of(sample, prompts)
    return Question(pixels_HWC, sample.question, regions, image.modality, window)


def ask_together(
    answerer: Answerer, samples: Sequence[Sample], prompts: Prompts
) -> list[Prediction]:
    """The labels of several marked things of one image by one question.

    A region that the answer leaves out has no words, so it counts as wrong.
    """
    if len(samples) == 1:
        return list(ask_each(answerer, "classify_regions", samples, prompts))
    image = samples[0].image
    regions = tuple(region for sample in samples for region in regions_of(sample, prompts))
    question = Question(pixels_rgb(image), _ALL_REGIONS, regions, image.modality)
    most_tokens = _MOST_TOKENS_REGION_LINE * len(samples)
    (answered,) = answerer.answer_all([question], most_tokens)
    return [Prediction(label) for label in labels_of_regions(answered.text, len(samples))]


def _united(masks: Sequence[FoundMask]) -> MaskHW | None:
    if not masks:
        return None
    union_HW = masks[0].mask_HW.copy()
    for found in masks[1:]:
        union_HW |= found.mask_HW
    return union_HW
