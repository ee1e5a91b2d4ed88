from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.earthgptx.v1.geometry_pb2 import Window
from shared.interpretation.boxes import boxes_in_image

WHOLE_640_BY_512 = Window(x0_px=0, y0_px=-64, side_px=640)


def test_a_box_of_the_padded_window_lies_in_the_image() -> None:
    boxes = boxes_in_image([(0.0, 0.1, 0.5, 0.5)], WHOLE_640_BY_512, 640, 512)
    assert boxes == ((0.0, 0.0, 320.0, 256.0),)


def test_corners_in_the_wrong_order_are_put_right() -> None:
    assert boxes_in_image([(0.5, 0.5, 0.0, 0.1)], WHOLE_640_BY_512, 640, 512) == (
        (0.0, 0.0, 320.0, 256.0),
    )


def test_a_thing_thinner_than_a_step_keeps_an_area() -> None:
    ((x0, _, x1, _),) = boxes_in_image([(0.5, 0.2, 0.5, 0.4)], WHOLE_640_BY_512, 640, 512)
    assert x1 - x0 == pytest.approx(0.01 * 640)


def test_a_box_in_the_padding_is_left_out() -> None:
    assert boxes_in_image([(0.2, 0.0, 0.4, 0.05)], WHOLE_640_BY_512, 640, 512) == ()


@given(st.tuples(*[st.floats(-9, 9)] * 4), st.integers(1, 5000), st.integers(1, 5000))
def test_every_box_given_lies_in_the_image_and_has_an_area(
    box: tuple[float, float, float, float], width_px: int, height_px: int
) -> None:
    side_px = float(max(width_px, height_px))
    window = Window(x0_px=-(side_px - width_px) / 2, y0_px=0, side_px=side_px)
    for x0, y0, x1, y1 in boxes_in_image([box], window, width_px, height_px):
        assert 0 <= x0 < x1 <= width_px
        assert 0 <= y0 < y1 <= height_px
