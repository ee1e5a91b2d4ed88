"""Searching tile by tile: what lies in several tiles is one, wherever the borders fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage
from earthgptx.evaluation.answerer import FoundMask, PixelsHW3
from earthgptx.evaluation.samples import Sample
from earthgptx.evaluation.tiles import detect_in_tiles
from earthgptx.imagery.marks import Region
from earthgptx.model.question import Question

WIDTH, HEIGHT, TILE = 640, 512, 256
THINGS: tuple[BoxXyxyPx, ...] = (
    (20, 20, 32, 44),
    # On the border of two tiles, in the corner of four, and larger than their overlap.
    (250, 100, 262, 120),
    (186, 186, 200, 200),
    (300, 300, 420, 360),
)


@dataclass(frozen=True)
class Answer:
    boxes: tuple[tuple[str, tuple[BoxXyxyPx, ...]], ...]
    text: str = ""
    masks: tuple[FoundMask, ...] = ()


class SeesEverything:
    """Finds whatever of the things lies in the window it is shown."""

    def answer_all(self, questions: Sequence[Question], max_new_tokens: int = 0) -> list[Answer]:
        return [Answer((("things", tuple(self._seen(question))),)) for question in questions]

    def _seen(self, question: Question) -> list[BoxXyxyPx]:
        window = question.window
        assert window is not None and window.side_px == TILE
        x1, y1 = window.x0_px + TILE, window.y0_px + TILE
        cut = [
            (max(a, window.x0_px), max(b, window.y0_px), min(c, x1), min(d, y1))
            for a, b, c, d in THINGS
        ]
        return [box for box in cut if box[0] + 2 < box[2] and box[1] + 2 < box[3]]

    def segment_regions(self, pixels: PixelsHW3, regions: Sequence[Region]) -> list[FoundMask]:
        raise AssertionError("nobody marked anything")


def test_each_thing_is_found_once_and_whole() -> None:
    image = LabelledImage(
        image_id="frame",
        source="drawn here",
        licence="none needed",
        modality="infrared",
        width_px=WIDTH,
        height_px=HEIGHT,
        load_pixels=lambda: np.zeros((HEIGHT, WIDTH, 3), np.uint8),
    )
    sample = Sample(image, "thing", "detect all things.", boxes=THINGS)
    (found,) = detect_in_tiles(SeesEverything(), [sample], TILE)
    assert np.array_equal(sorted(found.boxes), sorted(THINGS))
