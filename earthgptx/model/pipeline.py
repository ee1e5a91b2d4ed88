"""The whole model in one process: what the suite does, without the suite.

Used by evaluation and by tests, which hold the suite's answers against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from earthgptx.imagery.closer_look import (
    MOST_CLOSER_LOOKS,
    clicked_extent_xyxy_px,
    clicks_of,
    closer_window,
    sure_logits,
)
from earthgptx.imagery.marks import Region, region_extent_xyxy_px, validate_regions
from earthgptx.imagery.masks import paste_window_mask
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.question_window import question_window
from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.windows import Window, cut_window, touched_px
from earthgptx.model.checkpoint import (
    load_image_encoder,
    load_mask_decoder,
    load_prompt_encoder,
    load_reasoner,
)
from earthgptx.model.features import ImageFeatures, PromptFeatures
from earthgptx.model.markup import parse_boxes, plain_text
from earthgptx.model.pixel_perception import MaskDecoderModel, MaskPrediction, MaskQuery
from earthgptx.model.prompt_encoder import PromptEncoderModel
from earthgptx.model.question import Question
from earthgptx.model.reasoner import ReasonerInput, ReasonerModel
from earthgptx.words import is_counted

MaskHW = npt.NDArray[np.bool_]
BoxXyxyPx = tuple[float, float, float, float]


class ImageEncoder(Protocol):
    """Views in, features out: the stage's model, or one that remembers what it has seen."""

    view_side_px: int

    def encode(self, views: list[npt.NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Features of uint8 views [S, S, 3], one each."""
        ...


@dataclass(frozen=True)
class DrawnMask:
    """A mask of the full image, with the words it belongs to and the decoder's own score.

    Attributes:
        instances_xyxy_px: where the words count things: the box of each, the surest first.
        instance_scores: how sure the decoder is of each, 0..1.
    """

    phrase: str
    mask_HW: MaskHW
    score: float
    instances_xyxy_px: tuple[BoxXyxyPx, ...] = ()
    instance_scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes:
        text: without markup. raw: with it.
        boxes: (phrase, boxes in pixels of the full image).
        window: what the model looked at.
    """

    text: str
    raw: str
    boxes: tuple[tuple[str, tuple[BoxXyxyPx, ...]], ...]
    masks: tuple[DrawnMask, ...]
    window: Window


class EarthGptX:
    """All four parts, handed in."""

    def __init__(
        self,
        image_encoder: ImageEncoder,
        prompt_encoder: PromptEncoderModel,
        reasoner: ReasonerModel,
        mask_decoder: MaskDecoderModel,
    ) -> None:
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.reasoner = reasoner
        self.mask_decoder = mask_decoder

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", dtype: str = "float32") -> EarthGptX:
        """Loads a weights folder.

        Raises:
            CheckpointError: a file is missing or broken.
        """
        return cls(
            load_image_encoder(folder, device, dtype),
            load_prompt_encoder(folder, device, dtype),
            load_reasoner(folder, device, dtype),
            load_mask_decoder(folder, device, dtype),
        )

    def answer(
        self,
        pixels_HWC: npt.NDArray[np.uint8],
        question: str,
        regions: Sequence[Region] = (),
        modality: str | None = None,
        window: Window | None = None,
        max_new_tokens: int = 0,
        valid_HW: ValidHW | None = None,
    ) -> Answer:
        """Answers one question about one image; see ``Question`` and ``answer_all``."""
        asked = Question(pixels_HWC, question, tuple(regions), modality, window, valid_HW)
        return self.answer_all([asked], max_new_tokens)[0]

    def answer_all(self, questions: Sequence[Question], max_new_tokens: int = 0) -> list[Answer]:
        """Answers several questions in step; each answer is what it would be alone.

        Args:
            questions: at least one; about any images.
            max_new_tokens: 0 means the model's default.

        Raises:
            ImageryError: a mark is not valid. ModelInputError: a question is too long.
        """
        looks = [self._look(q.pixels_HWC, q.regions, q.window, q.words) for q in questions]
        requests = [
            ReasonerInput(image, prompts, question.modality, question.words)
            for question, (_, image, prompts) in zip(questions, looks, strict=True)
        ]
        limit = max_new_tokens or self.reasoner.default_max_new_tokens
        decoding = self.reasoner.open(requests, limit)
        raw = [""] * len(questions)
        segments: list[list[tuple[str, Tensor]]] = [[] for _ in questions]
        while not decoding.done:
            for output in decoding.step():
                raw[output.row] += output.text
                if output.seg_state is not None:
                    segments[output.row].append((output.phrase, output.seg_state))
        return [
            self._answered(question, window, image, text, found)
            for question, (window, image, _), text, found in zip(
                questions, looks, raw, segments, strict=True
            )
        ]

    def _answered(
        self,
        question: Question,
        window: Window,
        image: ImageFeatures,
        raw: str,
        segments: list[tuple[str, Tensor]],
    ) -> Answer:
        view = _View(window, question.pixels_HWC.shape[:2], question.valid_HW)
        queries = [
            MaskQuery(image, seg_state=state, counted=is_counted(phrase))
            for phrase, state in segments
        ]
        said = [
            (found.phrase, tuple(_to_image_px(box, window) for box in found.boxes_xyxy_unit))
            for found in parse_boxes(raw)
        ]
        drawn = self.mask_decoder.decode(queries) if queries else []
        masks = tuple(
            view.placed(phrase, prediction)
            for (phrase, _), prediction in zip(segments, drawn, strict=True)
        )
        counted = [(m.phrase, m.instances_xyxy_px) for m in masks if m.instances_xyxy_px]
        return Answer(plain_text(raw), raw, (*said, *counted), masks, window)

    def segment_regions(
        self,
        pixels_HWC: npt.NDArray[np.uint8],
        regions: Sequence[Region],
        window: Window | None = None,
        valid_HW: ValidHW | None = None,
    ) -> tuple[DrawnMask, ...]:
        """One mask for each marked region, where there is data; no words.

        Without a window, regions that points alone mark are looked at again from nearer, as long as
        the masks show that a smaller window will do.
        """
        drawn: tuple[DrawnMask, ...] = ()
        for looks_left in range(0 if window else MOST_CLOSER_LOOKS, -1, -1):
            window, image, prompts = self._look(pixels_HWC, regions, window)
            if prompts is None:
                break
            predictions = self.mask_decoder.decode(_marked(image, prompts))
            view = _View(window, pixels_HWC.shape[:2], valid_HW)
            drawn = tuple(view.placed("", prediction) for prediction in predictions)
            window = view.closer(regions, predictions) if looks_left else None
            if window is None:
                break
        return drawn

    def _look(
        self,
        pixels_HWC: npt.NDArray[np.uint8],
        regions: Sequence[Region],
        window: Window | None,
        words: str = "",
    ) -> tuple[Window, ImageFeatures, PromptFeatures | None]:
        height, width = pixels_HWC.shape[:2]
        if regions:
            validate_regions(regions, width, height)
        if window is None:
            extents = [region_extent_xyxy_px(region) for region in regions]
            window = question_window(words, extents, width, height)
        side = self.image_encoder.view_side_px
        image = self.image_encoder.encode([cut_window(pixels_HWC, window, side)])[0]
        if not regions:
            return window, image, None
        raster = rasterise_regions(regions, window, side, width, height)
        return window, image, self.prompt_encoder.encode([raster])[0]


@dataclass(frozen=True)
class _View:
    """A window of an image, from which masks come into the image's pixels, where there is data."""

    window: Window
    size_hw: tuple[int, ...]
    valid_HW: ValidHW | None

    def placed(self, phrase: str, prediction: MaskPrediction) -> DrawnMask:
        height_px, width_px = self.size_hw
        found = prediction.instances
        scored = found.in_image(self.window, width_px, height_px) if found else ()
        boxes, scores = tuple(box for box, _ in scored), tuple(score for _, score in scored)
        mask_HW = self._inside(prediction.logits_hw)
        return DrawnMask(phrase, mask_HW, prediction.score, boxes, scores)

    def closer(
        self, regions: Sequence[Region], predictions: Sequence[MaskPrediction]
    ) -> Window | None:
        """The smaller window that does for all that was clicked, if clicks are all that marks."""
        clicks = [clicks_of(region) for region in regions]
        if not all(clicks):
            return None
        height_px, width_px = self.size_hw
        x0, y0, x1, y1 = touched_px(self.window, width_px, height_px)
        extents = [
            clicked_extent_xyxy_px(
                self._inside(sure_logits(found.logits_hw))[y0:y1, x0:x1], clicked, x0, y0
            )
            for found, clicked in zip(predictions, clicks, strict=True)
        ]
        return closer_window(extents, self.window, width_px, height_px)

    def _inside(self, logits_hw: npt.NDArray[np.floating]) -> MaskHW:
        height_px, width_px = self.size_hw
        mask_HW = paste_window_mask(logits_hw, self.window, width_px, height_px)
        return mask_HW if self.valid_HW is None else mask_HW & self.valid_HW


def _marked(image: ImageFeatures, prompts: PromptFeatures) -> list[MaskQuery]:
    """A query for each marked region."""
    return [
        MaskQuery(image, region_token=token_D, region_weights=weights_GG)
        for token_D, weights_GG in zip(prompts.regions_RD, prompts.weights_RGG, strict=True)
    ]


def _to_image_px(box: BoxXyxyPx, window: Window) -> BoxXyxyPx:
    side, x, y = window.side_px, window.x0_px, window.y0_px
    return (box[0] * side + x, box[1] * side + y, box[2] * side + x, box[3] * side + y)
