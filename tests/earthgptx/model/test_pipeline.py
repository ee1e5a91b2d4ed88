"""Questions answered in step get the answers they would get alone."""

from pathlib import Path

import numpy as np
import pytest

from earthgptx.evaluation.feature_cache import RememberingEncoder
from earthgptx.imagery.marks import BoxMark, PointMark, Region
from earthgptx.imagery.windows import Window
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.question import Question


@pytest.fixture(scope="module")
def model(weights: Path) -> EarthGptX:
    return EarthGptX.load(weights)


def questions() -> list[Question]:
    pixels = np.random.default_rng(5).integers(0, 256, (2, 90, 120, 3), np.uint8)
    box = Region((BoxMark(10, 20, 40, 60),))
    point = Region((PointMark(70.5, 30.5),))
    return [
        Question(pixels[0], "how many ships are there?", modality="sar"),
        Question(pixels[1], "what is <Region 1>?", (box,), "optical"),
        Question(pixels[0], "what are <Region 1> and <Region 2>?", (box, point)),
        Question(pixels[0], "what is <Region 1>?", (point,), None, Window(-20, 0, 128)),
    ]


def test_in_step_as_alone(model: EarthGptX) -> None:
    together = model.answer_all(questions(), 6)
    alone = [model.answer_all([question], 6)[0] for question in questions()]
    assert [answer.raw for answer in together] == [answer.raw for answer in alone]
    assert [answer.window for answer in together] == [answer.window for answer in alone]


def test_one_question_is_answered_as_the_first_of_many(model: EarthGptX) -> None:
    asked = questions()[1]
    alone = model.answer(asked.pixels_HWC, asked.words, asked.regions, asked.modality, None, 6)
    assert alone == model.answer_all([asked], 6)[0]


def test_features_that_are_remembered_give_the_same_answers(model: EarthGptX) -> None:
    remembering = EarthGptX(
        RememberingEncoder(model.image_encoder),
        model.prompt_encoder,
        model.reasoner,
        model.mask_decoder,
    )
    for _ in range(2):
        found = remembering.answer_all(questions(), 6)
        assert [a.raw for a in found] == [a.raw for a in model.answer_all(questions(), 6)]
