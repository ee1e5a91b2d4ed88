from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.imagery.mask_scaling import rle_in_scene
from earthgptx.imagery.masks import decode_rle, rle_area_px


@given(
    seed=st.integers(0, 2**32 - 1),
    shape_hw=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    corner=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    cell_px=st.floats(0.5, 9),
    size_hw=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    density=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
)
def test_each_pixel_of_the_scene_is_what_its_cell_is(
    seed: int,
    shape_hw: tuple[int, int],
    corner: tuple[float, float],
    cell_px: float,
    size_hw: tuple[int, int],
    density: float,
) -> None:
    mask_hw = np.random.default_rng(seed).random(shape_hw) < density
    height, width = size_hw
    counts = rle_in_scene(mask_hw, *corner, cell_px, height, width)
    found = decode_rle(height, width, counts)
    for y in range(height):
        for x in range(width):
            column = (x + 0.5 - corner[0]) / cell_px
            row = (y + 0.5 - corner[1]) / cell_px
            if min(abs(column - round(column)), abs(row - round(row))) < 1e-6:
                continue  # on the edge between two cells
            i, j = math.floor(row), math.floor(column)
            inside = 0 <= i < shape_hw[0] and 0 <= j < shape_hw[1]
            assert found[y, x] == (inside and mask_hw[i, j])


def test_a_scene_of_four_billion_pixels_takes_no_room() -> None:
    mask_hw = np.zeros((1024, 1024), np.bool_)
    mask_hw[100:200, 300:500] = True
    counts = rle_in_scene(mask_hw, 20_000.0, 30_000.0, 8.0, 65_535, 65_535)
    assert rle_area_px(65_535, 65_535, counts) == 100 * 200 * 64
