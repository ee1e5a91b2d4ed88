"""What the model says while it learns: a sheet of the same few questions, drawn again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from earthgptx.data.instructions import make_plain
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord, answer_through
from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.marks import BoxMark, Region
from earthgptx.imagery.sheet import sheet_of
from earthgptx.imagery.windows import whole_image
from earthgptx.model.language_model import Words
from earthgptx.model.pipeline import EarthGptX
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


def draw_predictions(
    network: TrainingNetwork,
    average: AveragedWeights,
    words: Words,
    shown: Sequence[Shown],
    out: Path,
) -> None:
    """Asks the averaged weights and writes the answers as one picture, atomically."""
    with _answering(network, average, words) as model:
        answers = model.answer_all([each.asked for each in shown], MOST_TOKENS)
    tiles = []
    for each, answer in zip(shown, answers, strict=True):
        captions = [("Question", each.asked.words), ("Hoped", each.expected), ("Said", answer.raw)]
        tile = draw_overlay(
            each.asked.pixels_HWC,
            each.asked.regions,
            [(phrase, box) for phrase, boxes in answer.boxes for box in boxes],
            [(mask.phrase, mask.mask_HW) for mask in answer.masks],
            captions,
        )
        tiles.append(tile)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".partial")
    sheet_of(tiles, COLUMNS).save(partial, "png")
    partial.replace(out)


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
