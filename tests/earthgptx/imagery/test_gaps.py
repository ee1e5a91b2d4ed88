"""A mask has nothing where its window has no data."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.gaps import deflated_gaps, inflated_gaps, outside_gaps
from earthgptx.imagery.masks import paste_window_mask, window_mask_part
from earthgptx.imagery.windows import Window


@given(
    seed=st.integers(0, 2**32 - 1),
    size_hw=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    start_xy=st.tuples(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9)),
    side=st.floats(0.3, 2),
    share_valid=st.sampled_from([0.0, 0.5, 0.95]),
)
@settings(deadline=None)
def test_what_is_cut_out_of_a_window_is_what_would_be_cut_out_of_the_image(
    seed: int,
    size_hw: tuple[int, int],
    start_xy: tuple[float, float],
    side: float,
    share_valid: float,
) -> None:
    random = np.random.default_rng(seed)
    height, width = size_hw
    side_px = max(1.0, side * max(size_hw))
    # Wherever it begins, it touches the image.
    x0, y0 = (
        start * (length if start > 0 else side_px)
        for start, length in zip(start_xy, (width, height), strict=True)
    )
    window = Window(x0, y0, side_px)
    valid_HW = random.random(size_hw) < share_valid
    deflated = deflated_gaps(valid_HW, window)
    if deflated is None:
        return
    gaps = inflated_gaps(deflated, window, width, height)
    logits_hw = random.normal(size=(8, 8)).astype(np.float32)
    found = window_mask_part(logits_hw, window, width, height)
    kept = outside_gaps(found, gaps, window, width, height)
    rows, columns = kept.part_HW.shape
    kept_HW = np.zeros(size_hw, np.bool_)
    kept_HW[kept.y0_px : kept.y0_px + rows, kept.x0_px : kept.x0_px + columns] = kept.part_HW
    expected_HW = paste_window_mask(logits_hw, window, width, height) & valid_HW
    np.testing.assert_array_equal(kept_HW, expected_HW)


def test_a_window_with_data_everywhere_has_no_gaps_whatever_lies_beside_it() -> None:
    valid_HW = np.ones((20, 30), np.bool_)
    valid_HW[:, 16:] = False
    assert deflated_gaps(None, Window(0, 0, 30)) is None
    assert deflated_gaps(valid_HW, Window(0, 0, 16)) is None
    window = Window(8, -4, 16)
    deflated = deflated_gaps(valid_HW, window)
    assert deflated is not None
    assert inflated_gaps(deflated, window, 30, 20).tolist() == [[0, 0xFF]] * 12


def test_the_straight_edge_of_a_large_image_takes_next_to_nothing() -> None:
    valid_HW = np.tri(2000, 2000, dtype=np.bool_)
    deflated = deflated_gaps(valid_HW, Window(0, 0, 2000))
    assert deflated is not None and len(deflated) < 10_000
