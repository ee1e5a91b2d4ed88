"""What is to be told wants its surroundings, what is to be drawn wants to be large."""

from __future__ import annotations

import pytest

from earthgptx.data.instructions import phrasings
from earthgptx.imagery.question_window import LEAST_SIDE_TO_TELL_PX, question_window
from earthgptx.imagery.windows import choose_window, whole_image
from earthgptx.words import asks_to_draw

SMALL_XYXY_PX = (500.0, 500.0, 516.0, 508.0)
SIZE_PX = (1024, 1024)


def test_pixels_are_not_blown_up_to_be_talked_about() -> None:
    window = question_window("what is <Region 1>?", [SMALL_XYXY_PX], *SIZE_PX)
    assert LEAST_SIDE_TO_TELL_PX <= window.side_px < 2 * LEAST_SIDE_TO_TELL_PX
    assert question_window("what is <Region 1>?", [(9, 9, 20, 20)], 256, 256) == whole_image(
        256, 256
    )


@pytest.mark.parametrize("question", ["", "Segment <Region 1>.", "outline what is marked"])
def test_what_is_to_be_drawn_is_looked_at_closely(question: str) -> None:
    assert question_window(question, [SMALL_XYXY_PX], *SIZE_PX) == choose_window(
        [SMALL_XYXY_PX], *SIZE_PX
    )
    assert question_window(question, [SMALL_XYXY_PX], *SIZE_PX).side_px == 64


def test_without_marks_all_of_the_image_is_looked_at() -> None:
    assert question_window("segment all ships", [], *SIZE_PX) == whole_image(*SIZE_PX)


@pytest.mark.parametrize("kind", sorted(phrasings.PHRASINGS))
def test_of_the_questions_that_were_practised_those_for_outlines_ask_to_draw(kind: str) -> None:
    drawn = {"segment", "segment_region", "grounded"}
    unsaid = {"show me {phrase}."}
    wrong = {
        phrasing
        for phrasing in phrasings.PHRASINGS[kind]
        if asks_to_draw(phrasing) != (kind in drawn)
    }
    assert wrong <= unsaid
