"""What an answer about a tile says becomes one instance a thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from earthgptx.imagery.windows import whole_image
from earthgptx.model.pipeline import Answer, DrawnMask
from earthgptx.model.question import Question
from earthgptx.scenes.model import TileView
from earthgptx.scenes.tile_plan import Tile
from earthgptx.survey.tile_model import AskingTileModel

SIDE = 64
VIEW = TileView(
    Tile(0, 0, 0, 0, SIDE, (0, 0, SIDE, SIDE)), np.zeros((SIDE, SIDE, 3), np.uint8), None, 0.0
)


def two_that_touch() -> DrawnMask:
    """One connected part that is two things, as their boxes tell."""
    mask_HW = np.zeros((SIDE, SIDE), np.bool_)
    mask_HW[10:20, 10:30] = True
    boxes = ((10.0, 10.0, 20.0, 20.0), (20.0, 10.0, 30.0, 20.0))
    return DrawnMask("2 ships", mask_HW, 0.8, boxes, (0.9, 0.6))


@dataclass
class Says:
    """A model that answers every question with the same masks."""

    masks: tuple[DrawnMask, ...]
    asked: list[str] = field(default_factory=list)

    def answer_all(self, questions: Sequence[Question], max_new_tokens: int = 0) -> list[Answer]:
        self.asked += [question.words for question in questions]
        return [Answer("", "", (), self.masks, whole_image(SIDE, SIDE)) for _ in questions]


def looked(masks: tuple[DrawnMask, ...], label: str = "ship", least: float = 0.5) -> list[object]:
    model = Says(masks)
    tiles = AskingTileModel(model, (label,), "sar", least)  # type: ignore[arg-type]
    (found,) = tiles([VIEW])
    return [(f.label, f.score, int(f.mask_HW.sum())) for f in found if f.mask_HW is not None]


def test_things_that_touch_are_told_apart_by_their_boxes() -> None:
    assert looked((two_that_touch(),)) == [("ship", 0.9, 100), ("ship", 0.6, 100)]


def test_a_substance_is_told_by_the_parts_of_its_mask() -> None:
    mask_HW = np.zeros((SIDE, SIDE), np.bool_)
    mask_HW[:10, :10] = mask_HW[40:50, 40:60] = True
    # A speck is none.
    mask_HW[30, 30] = True
    assert looked((DrawnMask("water", mask_HW, 0.7),), "water") == [
        ("water", 0.7, 100),
        ("water", 0.7, 200),
    ]


def test_a_mask_that_is_not_sure_tells_of_nothing() -> None:
    assert looked((two_that_touch(),), least=0.85) == []


def test_a_tile_is_asked_once_for_each_label() -> None:
    model = Says(())
    AskingTileModel(model, ("person", "water"), None, 0.5)([VIEW, VIEW])  # type: ignore[arg-type]
    assert sorted(model.asked) == sorted(2 * ["detect all people.", "segment all water."])
