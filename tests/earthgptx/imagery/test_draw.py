"""Pictures show what was marked and found, whatever their size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.marks import MARK_KINDS, PointMark, Region, marks_from_mask
from tests.earthgptx.imagery.files import scene


def disc(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), max(1, min(height, width) // 4), 1, -1)
    return mask.view(np.bool_)


def test_every_mark_mask_box_and_caption_leaves_its_trace() -> None:
    pixels = np.full((256, 256, 3), 60, np.uint8)
    mask = disc(256, 256)
    plain = np.asarray(draw_overlay(pixels))
    assert plain.shape == (768, 768, 3) and (plain == 60).all()
    for kind in MARK_KINDS:
        region = marks_from_mask(mask, kind, np.random.default_rng(0))
        marked = np.asarray(draw_overlay(pixels, [region]))
        assert (marked == 255).any() and marked.shape == plain.shape
    masked = np.asarray(draw_overlay(pixels, masks=[("pond", mask)]))
    assert (masked[384, 384] != 60).any() and (masked[5, 5] == 60).all()
    boxed = np.asarray(draw_overlay(pixels, boxes=[("pond", (10, 10, 40, 40))]))
    assert (boxed[30, 75] != 60).any() and (boxed[75, 75] == 60).all()
    captioned = draw_overlay(pixels, captions=[("Question", "What is this? " * 30)])
    assert captioned.width == 768 and captioned.height > 900


def test_equal_phrases_share_a_colour() -> None:
    pixels = np.zeros((768, 768, 3), np.uint8)
    boxes = [("ship", (10.0, 99.0, 60.0, 150.0)), ("ship", (200.0, 99.0, 260.0, 150.0))]
    picture = np.asarray(draw_overlay(pixels, boxes=[*boxes, ("dock", (400, 99, 460, 150))]))
    first, second, third = (picture[149:152, x].max(axis=0) for x in (30, 230, 430))
    assert (first == second).all() and (first != third).any()


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (9, 700), (700, 9), (64, 3000), (2500, 2600)]
)
def test_odd_shapes_are_drawn(height: int, width: int) -> None:
    picture = draw_overlay(
        scene(height, width),
        [Region((PointMark(width / 2, height / 2),))],
        [("a rather long phrase for a small image", (0, 0, width, height))],
        [("", disc(height, width)), ("nothing", np.zeros((height, width), np.bool_))],
        [("Answer", "w" * 400 + "\nnext line"), ("", "")],
    )
    # Enough to set words on, and never more than the longer side allows.
    assert 480 <= picture.width <= 2048


def test_the_image_given_is_not_drawn_upon() -> None:
    pixels = scene(800, 800)
    before = pixels.copy()
    draw_overlay(pixels, [Region((PointMark(5, 5),))], masks=[("x", disc(800, 800))])
    np.testing.assert_array_equal(pixels, before)
