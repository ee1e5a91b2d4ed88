"""Masks on grids of their own: outlines and codes are those of the pixels, however many."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.imagery import mask_cells
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.mask_cells import MaskCells, cells_of, strips_of
from earthgptx.imagery.mask_scaling import rle_in_scene, share_inside
from earthgptx.imagery.masks import (
    MaskHW,
    decode_rle,
    encode_rle,
    paste_window_mask,
    rle_area_px,
    rle_runs,
)
from earthgptx.imagery.polygons import pixel_outlines
from earthgptx.imagery.windows import Window
from earthgptx.scenes.pieces import united

SIDE_PX = 65_535

Part = tuple[int, int, int, int]


@st.composite
def masks(draw: st.DrawFn) -> tuple[MaskHW, Part]:
    """A mask of a few values enlarged unevenly, as cells are, and a part of it."""
    seed, density = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
    generator = np.random.default_rng(seed)
    rows, columns = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    small = generator.random((rows, columns)) < density
    mask = small.repeat(generator.integers(1, 4, rows), 0)
    mask_HW = mask.repeat(generator.integers(1, 4, columns), 1)
    height, width = mask_HW.shape
    x0, y0 = draw(st.tuples(st.integers(0, width), st.integers(0, height)))
    x1, y1 = draw(st.tuples(st.integers(x0, width), st.integers(y0, height)))
    return mask_HW, draw(st.sampled_from([(0, 0, width, height), (x0, y0, x1, y1)]))


def inside(mask_HW: MaskHW, part: Part) -> MaskHW:
    """The mask without what lies beyond the part."""
    x0, y0, x1, y1 = part
    kept_HW = np.zeros_like(mask_HW)
    kept_HW[y0:y1, x0:x1] = mask_HW[y0:y1, x0:x1]
    return kept_HW


def exact(outlines: list[shapely.Polygon]) -> shapely.Geometry:
    return united([shapely.make_valid(each) for each in outlines]) or shapely.Polygon()


@given(masks(), st.sampled_from([1, 5, 1000]))
def test_outlines_of_cells_are_those_of_pixels(given: tuple[MaskHW, Part], at_once: int) -> None:
    mask_HW, part = given
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_cells, "CELLS_AT_ONCE", at_once)
        strips = list(strips_of(*encode_rle(mask_HW), part))
    assert all(strip.inside_hw.size <= at_once or len(strip.xs_px) == 2 for strip in strips)
    assert [len(s.xs_px) - 1 for s in strips] == [s.inside_hw.shape[1] for s in strips]
    found = exact([outline for strip in strips for outline in strip.outlines()])
    kept_HW = inside(mask_HW, part)
    assert found.is_valid and found.area == kept_HW.sum()
    assert found.equals(exact(pixel_outlines(kept_HW)))


@given(masks())
def test_cells_are_few_and_their_code_is_that_of_the_pixels(given: tuple[MaskHW, Part]) -> None:
    mask_HW, part = given
    height, width = mask_HW.shape
    cells = cells_of(*encode_rle(mask_HW), part, 1000)
    assert cells.inside_hw.shape[0] <= 2 * 7 + 1 and cells.inside_hw.shape[1] <= 7
    code = cells.encoded(height, width)
    assert np.array_equal(decode_rle(height, width, code), inside(mask_HW, part))


@given(masks(), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_a_picture_shows_the_share_of_each_of_its_pixels(
    given: tuple[MaskHW, Part], size_wh: tuple[int, int]
) -> None:
    mask_HW, (x0, y0, x1, y1) = given
    if x0 == x1 or y0 == y1:
        return
    strips = strips_of(*encode_rle(mask_HW), (x0, y0, x1, y1))
    shown = share_inside(strips, (x0, y0, x1, y1), size_wh)
    # Each pixel in as many as the picture has: then the picture's are whole numbers of them.
    fine = mask_HW[y0:y1, x0:x1].repeat(size_wh[1], 0).repeat(size_wh[0], 1).astype(np.float64)
    expected = cv2.resize(fine, size_wh, interpolation=cv2.INTER_AREA)
    assert np.allclose(shown, expected, atol=1e-6)


def test_whatever_is_drawn_on_256_cells_fits_a_view_of_31250_px() -> None:
    # Nothing changes more often down a column; 100 of the view's columns stand for all.
    side_px, columns = 31_250, 100
    stripes_hw = np.where(np.arange(256) % 2, 1.0, -1.0)[:, np.newaxis].repeat(256, 1)
    drawn_HW = paste_window_mask(stripes_hw, Window(0, 0, 1024), 1024, 1024)
    counts = rle_in_scene(drawn_HW, 0, 0, side_px / 1024, side_px, columns)
    assert rle_area_px(side_px, columns, counts) == pytest.approx(side_px * columns / 2, rel=0.01)
    runs = rle_runs(side_px, columns, counts)[1::2].size
    assert runs / columns * side_px == 128 * side_px <= mask_cells.MOST_RUNS


def test_what_is_in_too_many_pieces_is_refused_by_name() -> None:
    with pytest.raises(ImageryError) as told:
        rle_in_scene(np.indices((1024, 1024)).sum(0) % 2 == 0, 0, 0, 64, SIDE_PX, SIDE_PX)
    assert told.value.field == "mask" and "4000000 runs" in str(told.value.limit)
    board = encode_rle(np.indices((100, 100)).sum(0) % 2 == 0)
    with pytest.raises(ImageryError):
        cells_of(*board, (0, 0, 100, 100), 9_999)


@pytest.mark.timeout(60)
def test_a_thing_as_large_as_the_largest_scene_is_outlined_in_little_memory() -> None:
    """A ring over all of 4 billion pixels, with a hole, drawn on 1024 cells."""
    y, x = np.indices((1024, 1024)) - 511.5
    radius = np.hypot(x, y)
    ring_hw = (radius < 500) & (radius > 200)
    tracemalloc.start()
    try:
        counts = rle_in_scene(ring_hw, 0, 0, SIDE_PX / 1024, SIDE_PX, SIDE_PX)
        whole = (0, 0, SIDE_PX, SIDE_PX)
        outlines = [o for s in strips_of(SIDE_PX, SIDE_PX, counts, whole) for o in s.outlines()]
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (ring,) = outlines
    assert ring.is_valid and len(ring.interiors) == 1
    assert ring.area == rle_area_px(SIDE_PX, SIDE_PX, counts)
    assert ring.area == pytest.approx(ring_hw.mean() * SIDE_PX**2, rel=1e-3)
    assert peak_bytes < 200_000_000


def test_cells_without_any_pixel_make_no_run() -> None:
    edges = np.array([3, 3, 5], np.int64)
    cells = MaskCells(np.ones((2, 2), np.bool_), edges, edges)
    mask_HW = decode_rle(7, 8, cells.encoded(7, 8))
    assert mask_HW.sum() == 4 and mask_HW[3:5, 3:5].all()
