"""What was clicked is looked at again from nearer, and never from where it does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.imagery.closer_look import (
    SURE_LOGIT,
    clicked_extent_xyxy_px,
    clicks_of,
    closer_window,
    sure_logits,
)
from earthgptx.imagery.marks import BoxMark, PointMark, Region
from earthgptx.imagery.windows import Window, whole_image

SIDE_PX = 256
WHOLE = whole_image(SIDE_PX, SIDE_PX)


def two_things() -> np.ndarray:
    mask_HW = np.zeros((SIDE_PX, SIDE_PX), bool)
    mask_HW[20:30, 40:60] = True
    mask_HW[200:240, 10:20] = True
    return mask_HW


@pytest.mark.parametrize(
    ("clicks", "extent"),
    [
        ([(50.0, 25.0)], (40, 20, 60, 30)),
        ([(12.5, 239.9)], (10, 200, 20, 240)),
        ([(70.0, 25.0)], (40, 20, 60, 30)),
        ([(50.0, 25.0), (15.0, 210.0)], (10, 20, 60, 240)),
    ],
    ids=["upon a thing", "upon its last pixel", "beside it", "upon both"],
)
def test_the_parts_that_were_clicked_are_meant(
    clicks: list[tuple[float, float]], extent: tuple[float, ...]
) -> None:
    assert clicked_extent_xyxy_px(two_things(), clicks) == extent


@given(
    x=st.floats(0, SIDE_PX),
    y=st.floats(0, SIDE_PX),
    left=st.integers(0, 10),
    top=st.integers(0, 20),
)
def test_a_part_of_a_mask_tells_the_same_as_the_whole(
    x: float, y: float, left: int, top: int
) -> None:
    whole_HW = two_things()
    of_part = clicked_extent_xyxy_px(whole_HW[top:, left:], [(x, y)], left, top)
    assert of_part == clicked_extent_xyxy_px(whole_HW, [(x, y)])


def test_an_empty_mask_has_nothing_that_was_clicked() -> None:
    assert clicked_extent_xyxy_px(np.zeros((8, 8), bool), [(1.0, 1.0)]) is None


def test_only_points_are_clicks() -> None:
    point, box = PointMark(3, 4), BoxMark(0, 0, 9, 9)
    assert clicks_of(Region((point, PointMark(5, 6)))) == ((3, 4), (5, 6))
    assert clicks_of(Region((point, box))) == clicks_of(Region((box,))) == ()


def test_a_small_thing_is_looked_at_from_nearer() -> None:
    closer = closer_window([(100, 100, 116, 108)], WHOLE, SIDE_PX, SIDE_PX)
    assert closer is not None
    assert closer.side_px == 64
    assert closer_window([(100, 100, 116, 108)], closer, SIDE_PX, SIDE_PX) is None


@pytest.mark.parametrize(
    "extents",
    [[], [None], [(100.0, 100.0, 116.0, 108.0), None], [(0.0, 0.0, 200.0, 90.0)]],
    ids=["nothing", "not found", "one of two not found", "too large"],
)
def test_else_there_is_no_closer_look(extents: list[tuple[float, ...] | None]) -> None:
    assert closer_window(extents, WHOLE, SIDE_PX, SIDE_PX) is None  # type: ignore[arg-type]


def test_things_far_apart_need_the_window_they_have() -> None:
    far = [(0.0, 0.0, 9.0, 9.0), (240.0, 240.0, 250.0, 250.0)]
    assert closer_window(far, Window(0, 0, SIDE_PX), SIDE_PX, SIDE_PX) is None


def test_what_a_mask_is_sure_of_tells_the_extent() -> None:
    # Two things that hang together by what is hardly believed.
    logits_hw = np.full((8, 8), -3.0)
    logits_hw[2:4, 1:7] = SURE_LOGIT / 2
    logits_hw[2:4, 1:3] = logits_hw[2:4, 5:7] = 2 * SURE_LOGIT
    assert clicked_extent_xyxy_px(logits_hw > 0, [(1.5, 2.5)]) == (1, 2, 7, 4)
    assert clicked_extent_xyxy_px(sure_logits(logits_hw) > 0, [(1.5, 2.5)]) == (1, 2, 3, 4)


def test_a_mask_that_is_nowhere_sure_is_taken_as_it_is() -> None:
    faint_hw = np.full((8, 8), SURE_LOGIT / 2)
    assert sure_logits(faint_hw) is faint_hw
    assert sure_logits(np.full((8, 8), np.nan)).shape == (8, 8)
