"""Windows are chosen alike every time, hold what was marked, and are cut to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.windows import (
    CONTEXT_FACTOR,
    MIN_SIDE_PX,
    Window,
    choose_window,
    cut_window,
    from_window_unit,
    to_window_unit,
    validate_window,
    whole_image,
)
from tests.earthgptx.imagery.files import scene

SIDES = st.integers(1, 9000)


@st.composite
def images_with_boxes(draw: st.DrawFn) -> tuple[int, int, list[tuple[float, float, float, float]]]:
    width, height = draw(SIDES), draw(SIDES)
    boxes = []
    for _ in range(draw(st.integers(1, 3))):
        x0, x1 = sorted(draw(st.tuples(st.floats(0, width), st.floats(0, width))))
        y0, y1 = sorted(draw(st.tuples(st.floats(0, height), st.floats(0, height))))
        if draw(st.booleans()):
            x1, y1 = (
                min(x0 + draw(st.floats(0, 40)), width),
                min(y0 + draw(st.floats(0, 40)), height),
            )
        boxes.append((x0, y0, x1, y1))
    return width, height, boxes


def test_the_whole_image_lies_centred_in_its_square() -> None:
    assert whole_image(640, 512) == Window(0, -64, 640)
    assert whole_image(512, 640) == Window(-64, 0, 640)
    assert whole_image(5, 2) == Window(0, -1, 5)


@given(images_with_boxes())
def test_a_chosen_window_holds_all_regions_with_room_around(
    case: tuple[int, int, list[tuple[float, float, float, float]]],
) -> None:
    width, height, boxes = case
    window = choose_window(boxes, width, height)
    assert window == choose_window(list(reversed(boxes)), width, height)
    x0, y0 = min(b[0] for b in boxes), min(b[1] for b in boxes)
    x1, y1 = max(b[2] for b in boxes), max(b[3] for b in boxes)
    corners = to_window_unit([(x0, y0), (x1, y1)], window)
    assert (corners >= -1e-9).all() and (corners <= 1 + 1e-9).all()
    if window != whole_image(width, height):
        assert window.side_px >= max(MIN_SIDE_PX, CONTEXT_FACTOR * max(x1 - x0, y1 - y0))
    whole = whole_image(width, height)
    assert window.x0_px >= whole.x0_px and window.y0_px >= whole.y0_px
    assert window.x0_px + window.side_px <= whole.x0_px + whole.side_px
    assert all(v == int(v) for v in (window.x0_px, window.y0_px, window.side_px))
    validate_window(window, width, height)


def test_nearby_marks_share_a_window() -> None:
    windows = {choose_window([(x, 300, x + 20, 320)], 1024, 1024) for x in range(264, 292, 4)}
    assert len(windows) == 1


def test_no_regions_or_large_ones_mean_the_whole_image() -> None:
    assert choose_window([], 800, 600) == whole_image(800, 600)
    assert choose_window([(0, 0, 300, 300)], 800, 600) == whole_image(800, 600)


def test_a_bare_point_leaves_room_for_a_thing_of_unknown_size() -> None:
    assert choose_window([(500, 500, 500, 500)], 1024, 1024).side_px == 256
    assert choose_window([(100, 100, 100, 100)], 256, 256) == whole_image(256, 256)


@given(
    st.floats(-1e4, 1e4),
    st.floats(-1e4, 1e4),
    st.floats(0.5, 1e4),
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=5),
)
def test_unit_coordinates_go_there_and_back(
    x: float, y: float, side: float, points: list[tuple[float, float]]
) -> None:
    window = Window(x, y, side)
    back = from_window_unit(to_window_unit(points, window), window)
    np.testing.assert_allclose(back, points, rtol=1e-9, atol=1e-6)


def test_a_cut_at_native_size_copies_pixels_and_pads_with_zeros() -> None:
    pixels = scene(40, 60)
    cut = cut_window(pixels, whole_image(60, 40), 60)
    np.testing.assert_array_equal(cut[10:50], pixels)
    assert not cut[:10].any() and not cut[50:].any()
    np.testing.assert_array_equal(cut_window(pixels, Window(5, 7, 20), 20), pixels[7:27, 5:25])
    assert not cut_window(pixels, Window(100, 100, 20), 20).any()


def test_shrinking_averages_areas_exactly() -> None:
    pixels = scene(64, 64)
    cut = cut_window(pixels, whole_image(64, 64), 16)
    means = pixels.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(cut - means).max() <= 0.51


@given(st.integers(3, 40), st.integers(3, 40), st.integers(-20, 30), st.integers(-20, 30))
@settings(max_examples=30)
def test_enlarging_keeps_positions(height: int, width: int, x: int, y: int) -> None:
    """A ramp stays a ramp: the value at a position is the value the image has there."""
    ramp = np.tile(np.arange(width, dtype=np.uint8) * 5, (height, 1))
    window = Window(x, y, 10)
    cut = cut_window(ramp, window, 40)
    at = from_window_unit(np.column_stack([(np.arange(40) + 0.5) / 40] * 2), window)
    columns = (at[:, 0] > 1) & (at[:, 0] < width - 1)
    rows = (at[:, 1] > 1) & (at[:, 1] < height - 1)
    expected = (at[columns, 0] - 0.5) * 5
    for row in np.flatnonzero(rows)[:2]:
        # Away from the rim, where enlarging blends with the zeros around the image.
        inner = np.abs(cut[row, columns] - expected)[4:-4]
        assert inner.size == 0 or inner.max() <= 1.01


def test_a_fractional_window_is_cut_where_it_says() -> None:
    ramp = np.tile(np.arange(100, dtype=np.uint8) * 2, (100, 1))
    cut = cut_window(ramp, Window(10.5, 20.25, 40.0), 40)
    np.testing.assert_allclose(cut[5, 5:35], (10.5 + np.arange(5, 35)) * 2, atol=1)


def test_a_large_window_cut_by_rows_is_the_same_average() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4500, 300), dtype=np.uint8)
    cut = cut_window(pixels, whole_image(300, 4500), 224)
    padded = np.pad(pixels, ((0, 0), (2100, 2100)))
    expected = cv2.resize(padded, (224, 224), interpolation=cv2.INTER_AREA)
    assert np.abs(cut.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("bad", [(0, 0, 0), (0, 0, -1), (float("nan"), 0, 1), (0, float("inf"), 1)])
def test_what_is_no_square_is_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ImageryError, match="window"):
        Window(*bad)


def test_windows_outside_or_far_too_large_are_refused() -> None:
    for window in (Window(100, 0, 50), Window(0, -50, 50), Window(0, 0, 201), Window(0, 0, 0.5)):
        with pytest.raises(ImageryError) as caught:
            validate_window(window, 100, 100)
        assert caught.value.field.startswith("window")
