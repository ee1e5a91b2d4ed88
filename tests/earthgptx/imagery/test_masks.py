"""Run-length code, pasting and outlines agree with the masks they stand for."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from shapely.geometry import Polygon

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.masks import (
    decode_rle,
    decode_rle_part,
    encode_rle,
    encode_rle_part,
    mask_box_xyxy_px,
    paste_window_mask,
    rle_area_px,
    rle_box_xyxy_px,
    united_rle,
)
from earthgptx.imagery.polygons import (
    mask_to_polygons,
    pixel_outlines,
    polygons_of,
    simplified,
)
from earthgptx.imagery.rings import PolygonWithHoles
from earthgptx.imagery.windows import Window, cut_window, whole_image

Mask = npt.NDArray[np.bool_]
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24))


def blobs(side: int = 60, seed: int = 0) -> Mask:
    noise = np.random.default_rng(seed).random((side, side))
    return cv2.GaussianBlur(noise, (0, 0), 4) > 0.5


@given(MASKS)
def test_a_mask_survives_its_code(mask: Mask) -> None:
    height, width, counts = encode_rle(mask)
    np.testing.assert_array_equal(decode_rle(height, width, counts), mask)
    code = {"size": [height, width], "counts": counts.encode()}
    assert coco.area(code) == mask.sum()
    assert rle_area_px(height, width, counts) == mask.sum()
    assert rle_box_xyxy_px(height, width, counts) == mask_box_xyxy_px(mask)


@given(st.text(max_size=30), st.integers(1, 50), st.integers(1, 50))
def test_a_strangers_code_is_decoded_or_refused(counts: str, height: int, width: int) -> None:
    try:
        mask = decode_rle(height, width, counts)
    except ImageryError as error:
        assert error.field.startswith("mask")
    else:
        assert mask.shape == (height, width)


@given(MASKS, st.data())
def test_a_damaged_code_is_decoded_or_refused(mask: Mask, data: st.DataObject) -> None:
    height, width, counts = encode_rle(mask)
    at = data.draw(st.integers(0, len(counts) - 1))
    damaged = counts[:at] + chr(data.draw(st.integers(48, 111))) + counts[at + 1 :]
    try:
        assert decode_rle(height, width, damaged).shape == mask.shape
    except ImageryError as error:
        assert error.field == "mask.counts"


def test_a_code_that_would_write_past_its_mask_is_refused() -> None:
    _, _, counts = encode_rle(np.ones((500, 500), np.bool_))
    with pytest.raises(ImageryError, match="do not add up") as caught:
        decode_rle(4, 4, counts)
    assert caught.value.limit == "4 x 4 = 16 px"
    with pytest.raises(ImageryError, match="size"):
        decode_rle(0, 4, counts)


@given(st.integers(0, 50), st.integers(20, 300), st.integers(20, 300))
@settings(max_examples=30)
def test_pasting_is_cutting_undone(seed: int, width: int, height: int) -> None:
    """What was cut from a smooth field and pasted back is the field's own mask, near enough."""
    yy, xx = np.mgrid[:height, :width] + 0.5
    window = whole_image(width, height)
    radius = 0.3 * min(width, height)
    distance = np.hypot(xx - width / 2, yy - height / 2 + seed % 5)
    truth = distance < radius
    cut = cut_window(truth.astype(np.uint8) * 255, window, 224)
    pasted = paste_window_mask(cut.astype(np.float32) - 127.5, window, width, height)
    wrong = pasted ^ truth
    assert not wrong[np.abs(distance - radius) > 1.5].any()


def test_pasting_stays_inside_the_window_and_the_image() -> None:
    everything = np.ones((7, 7), np.float32)
    mask = paste_window_mask(everything, Window(10, 20, 30), 100, 60)
    assert mask_box_xyxy_px(mask) == (10, 20, 40, 50) and mask.sum() == 900
    beyond = paste_window_mask(everything, Window(-10, -10, 200), 100, 60)
    assert beyond.all()
    assert not paste_window_mask(-everything, Window(0, 0, 60), 100, 60).any()
    assert not paste_window_mask(everything * np.nan, Window(0, 0, 60), 100, 60).any()


@given(st.integers(1, 9), st.floats(-30, 30), st.floats(-30, 30), st.floats(2, 90))
@settings(max_examples=40)
def test_pasting_in_part_is_pasting_in_whole(cells: int, x: float, y: float, side: float) -> None:
    """Only the surroundings of positive cells are computed; the rest must not have mattered."""
    logits = np.random.default_rng(cells).normal(-0.5, 1, (cells, cells)).astype(np.float32)
    mask = paste_window_mask(logits, Window(x, y, side), 50, 40)
    px, py = np.arange(50) + 0.5, np.arange(40) + 0.5
    field = cv2.remap(
        np.pad(logits, 1, mode="edge").astype(np.float64),
        *np.meshgrid(
            np.clip((px - x) / side * cells + 0.5, 0.5, cells + 0.5).astype(np.float32),
            np.clip((py - y) / side * cells + 0.5, 0.5, cells + 0.5).astype(np.float32),
        ),
        cv2.INTER_LINEAR,
    )
    inside = ((px >= x) & (px < x + side)) & ((py >= y) & (py < y + side))[:, None]
    clear = np.abs(field) > 0.15
    np.testing.assert_array_equal(mask[clear], ((field > 0) & inside)[clear])


def filled(polygons: list[PolygonWithHoles], shape: tuple[int, int]) -> Mask:
    union = shapely.union_all([Polygon(outer, holes) for outer, holes in polygons])
    yy, xx = np.mgrid[: shape[0], : shape[1]] + 0.5
    shapely.prepare(union)
    return shapely.contains_xy(union, xx.ravel(), yy.ravel()).reshape(shape)


@given(arrays(np.bool_, (12, 9)))
@settings(max_examples=60)
def test_every_outline_is_valid_and_loses_no_part(mask: Mask) -> None:
    polygons = mask_to_polygons(mask)
    assert bool(polygons) == bool(mask.any())
    for outer, holes in polygons:
        assert Polygon(outer, holes).is_valid
        assert outer.min() >= 0 and outer[:, 0].max() <= 9 and outer[:, 1].max() <= 12
    if polygons:
        exact = mask_to_polygons(mask, tolerance_px=0)
        np.testing.assert_array_equal(filled(exact, mask.shape), mask)


@given(arrays(np.bool_, (24, 20)), st.integers(1, 3), st.floats(0.5, 6))
@settings(max_examples=100, deadline=None)
def test_an_outline_moves_by_no_more_than_the_tolerance(
    mask: Mask, enlarged: int, tolerance_px: float
) -> None:
    mask = np.kron(mask, np.ones((enlarged, enlarged), np.bool_))
    for exact in map(shapely.make_valid, pixel_outlines(mask)):
        for part in polygons_of(exact):
            simpler = shapely.union_all(simplified(part, tolerance_px))
            assert moved_px(part, simpler) <= tolerance_px + 1e-9


@pytest.mark.parametrize("tolerance_px", [1.5, 3])
def test_where_a_ring_begins_it_moves_no_more_either(tolerance_px: float) -> None:
    """There GEOS moves it twice: given the whole tolerance, some of these would move more."""
    moved, given_whole = [], []
    for seed in range(40):
        for part in pixel_outlines(blobs(seed=seed)):
            if 2 * part.area / part.length < 2 * tolerance_px:
                continue
            simpler = shapely.union_all(simplified(part, tolerance_px))
            moved.append(moved_px(part, simpler))
            given_whole.append(moved_px(part, shapely.simplify(part, tolerance_px)))
    assert max(moved) <= tolerance_px < max(given_whole)


def moved_px(exact: shapely.Geometry, simpler: shapely.Geometry) -> float:
    """Hausdorff distance of two outlines."""
    return float(shapely.hausdorff_distance(exact.boundary, simpler.boundary, densify=0.1))


def test_outlines_of_a_box_with_a_hole_are_exact() -> None:
    mask = np.zeros((30, 30), np.bool_)
    mask[5:25, 4:20] = True
    mask[10:15, 8:12] = False
    ((outer, (hole,)),) = mask_to_polygons(mask)
    assert Polygon(outer).equals(shapely.box(4, 5, 20, 25))
    assert Polygon(hole).equals(shapely.box(8, 10, 12, 15))
    ((pixel, _),) = mask_to_polygons(np.pad(np.ones((1, 1), np.bool_), 3))
    assert Polygon(pixel).equals(shapely.box(3, 3, 4, 4))


@pytest.mark.parametrize("seed", range(5))
def test_outlines_of_blobs_cover_the_same_pixels(seed: int) -> None:
    mask = blobs(seed=seed)
    again = filled(mask_to_polygons(mask), mask.shape)
    assert (again & mask).sum() / (again | mask).sum() > 0.96
    sizes = [Polygon(outer, holes).area for outer, holes in mask_to_polygons(mask)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_rectangle_of_a_code_is_that_rectangle_of_the_mask(seed: int) -> None:
    noise = np.random.default_rng(seed)
    mask_HW = noise.random((23, 17)) < 0.4
    height, width, counts = encode_rle(mask_HW)
    around = np.zeros((63, 57), bool)
    around[20:43, 20:37] = mask_HW
    for _ in range(40):
        x0, x1 = sorted(noise.integers(-20, 37, 2).tolist())
        y0, y1 = sorted(noise.integers(-20, 43, 2).tolist())
        part_HW = decode_rle_part(height, width, counts, (x0, y0, x1, y1))
        assert (part_HW == around[y0 + 20 : y1 + 20, x0 + 20 : x1 + 20]).all()


def test_a_rectangle_of_a_large_code_is_decoded_piece_by_piece() -> None:
    noise = np.random.default_rng(4)
    small_HW = noise.random((50, 40)) < 0.5
    mask_HW = np.kron(small_HW, np.ones((180, 100), bool))
    height, width, counts = encode_rle(mask_HW)
    part_HW = decode_rle_part(height, width, counts, (150, 90, 3960, 8000))
    assert height * 3810 > 2 * 16_000_000
    assert (part_HW == mask_HW[90:8000, 150:3960]).all()


def test_a_part_has_the_code_of_the_whole_mask_it_stands_for() -> None:
    noise = np.random.default_rng(5)
    for x0, y0, rows, columns in [(0, 0, 23, 17), (3, 4, 5, 6), (16, 22, 1, 1), (2, 20, 3, 5)]:
        part_HW = noise.random((rows, columns)) < 0.6
        mask_HW = np.zeros((23, 17), bool)
        mask_HW[y0 : y0 + rows, x0 : x0 + columns] = part_HW
        assert encode_rle_part(part_HW, x0, y0, 23, 17) == encode_rle(mask_HW)[2]
    everywhere_HW = np.ones((23, 17), bool)
    assert encode_rle_part(everywhere_HW, 0, 0, 23, 17) == encode_rle(everywhere_HW)[2]
    assert encode_rle_part(np.zeros((2, 2), bool), 1, 1, 23, 17) == encode_rle(mask_HW & False)[2]


def test_united_codes_are_those_of_united_masks() -> None:
    noise = np.random.default_rng(6)
    masks = [noise.random((9, 13)) < 0.3 for _ in range(3)]
    codes = [encode_rle(mask_HW)[2] for mask_HW in masks]
    assert united_rle(9, 13, codes) == encode_rle(masks[0] | masks[1] | masks[2])[2]
    with pytest.raises(ImageryError):
        united_rle(9, 14, codes)
