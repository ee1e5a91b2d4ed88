"""What the model says while it learns: a sheet of the same few questions, drawn again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image

from earthgptx.data.instructions import make_plain
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord, answer_through
from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.marks import BoxMark, Region
from earthgptx.imagery.sheet import sheet_of
from earthgptx.imagery.windows import whole_image
from earthgptx.model.language_model import Words
from earthgptx.model.pipeline import Answer, EarthGptX
from earthgptx.model.pixel_perception import MaskDecoderModel
from earthgptx.model.prompt_encoder import PromptEncoderModel
from earthgptx.model.question import Question
from earthgptx.model.reasoner import ReasonerModel
from earthgptx.model.visual_experts import ImageEncoderModel
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.pixels import three_channels
from earthgptx.training.state import AveragedWeights

MOST_TOKENS = 60
COLUMNS = 3


@dataclass(frozen=True)
class Shown:
    """A question whose answer is drawn, with the answer that was hoped for."""

    asked: Question
    expected: str


def shown_of_record(record: InstructionRecord) -> Shown:
    """The record's own question and answer."""
    image = record.image
    pixels = three_channels(image.load_pixels())
    expected = answer_through(record, whole_image(image.width_px, image.height_px))
    asked = Question(pixels, record.question, record.marks, image.modality)
    return Shown(asked, expected)


def shown_of_image(image: LabelledImage, seed: int) -> list[Shown]:
    """What its first thing is, marked by a box, and two questions about the whole."""
    pixels = three_channels(image.load_pixels())
    shown = []
    things = [thing for thing in image.objects if not thing.stuff]
    if things:
        mark = (Region((BoxMark(*things[0].box_xyxy_px),)),)
        asked = Question(pixels, "what is <Region 1>?", mark, image.modality)
        shown.append(Shown(asked, things[0].label))
    for instruction in make_plain(image, np.random.default_rng(seed), 2):
        asked = Question(pixels, instruction.question, (), image.modality)
        shown.append(Shown(asked, instruction.answer))
    return shown


@dataclass(frozen=True)
class Album:
    """Sheets of answers to the same questions; none where nothing is shown."""

    folder: Path
    words: Words
    shown: Sequence[Shown]

    def draw(self, network: TrainingNetwork, average: AveragedWeights, step: int) -> None:
        """Asks the averaged weights and writes the answers as one picture, atomically."""
        if not self.shown:
            return
        with _answering(network, average, self.words) as model:
            answers = model.answer_all([each.asked for each in self.shown], MOST_TOKENS)
        tiles = [_tile(each, answer) for each, answer in zip(self.shown, answers, strict=True)]
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / ".partial"
        sheet_of(tiles, COLUMNS).save(partial, "png")
        partial.replace(self.folder / f"{step:06}.png")


def _tile(shown: Shown, answer: Answer) -> Image:
    return draw_overlay(
        shown.asked.pixels_HWC,
        shown.asked.regions,
        [(phrase, box) for phrase, boxes in answer.boxes for box in boxes],
        [(mask.phrase, mask.mask_HW) for mask in answer.masks],
        [("Question", shown.asked.words), ("Hoped", shown.expected), ("Said", answer.raw)],
    )


@contextmanager
def _answering(
    network: TrainingNetwork, average: AveragedWeights, words: Words
) -> Iterator[EarthGptX]:
    """The network as it would be shipped; afterwards it is as it was."""
    current = dict(network.named_parameters())
    before = {name: current[name].detach().clone() for name in average.tensors}
    place = next(network.parameters()).device
    average.copy_to(network)
    try:
        yield EarthGptX(
            ImageEncoderModel(network.image_encoder, place, torch.float32),
            PromptEncoderModel(network.prompt_encoder, place, torch.float32),
            ReasonerModel(network.reasoner, words, place, torch.float32),
            MaskDecoderModel(network.mask_decoder, place, torch.float32),
        )
    finally:
        with torch.no_grad():
            for name, tensor in before.items():
                current[name].copy_(tensor)
        network.train()
