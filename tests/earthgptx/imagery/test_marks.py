"""Marks are refused by name, simulated where the thing is, and drawn where they lie."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.marks import (
    MARK_KINDS,
    BoxMark,
    Mark,
    MarkKind,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
    mark_kind,
    marks_from_mask,
    mixed_marks_from_mask,
    region_extent_xyxy_px,
    validate_regions,
)
from earthgptx.imagery.masks import encode_rle, mask_box_xyxy_px
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.windows import Window, choose_window, to_window_unit, whole_image

WIDTH, HEIGHT = 200, 120
NAN = float("nan")
EMPTY = MaskMark(*encode_rle(np.zeros((HEIGHT, WIDTH), np.bool_)))
TRIANGLE = ((10.0, 10.0), (60.0, 15.0), (20.0, 70.0))


def ellipse(width: int = WIDTH, height: int = HEIGHT) -> npt.NDArray[np.bool_]:
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 3), (width // 5, height // 7), 20, 0, 360, 1, -1)
    return mask.view(np.bool_)


@pytest.mark.parametrize(
    ("mark", "field"),
    [
        (PointMark(NAN, 1), "point"),
        (PointMark(300, 1), "point"),
        (PointMark(10, -5), "point"),
        (BoxMark(10, 10, 10, 20), "box"),
        (BoxMark(30, 10, 10, 20), "box"),
        (BoxMark(10, 10, 20, float("inf")), "box"),
        (BoxMark(300, 300, 310, 310), "box"),
        (BoxMark(100, 100, 210, 110), "box"),
        (PolygonMark(()), "polygon"),
        (PolygonMark(((1, 1), (5, 5))), "polygon"),
        (PolygonMark(((1, 1), (5, 5), (9, 9))), "polygon"),
        (PolygonMark(((1, 1), (5, NAN), (9, 0))), "polygon"),
        (PolygonMark(tuple((i % 100, i // 100) for i in range(1025))), "polygon"),
        (ScribbleMark(()), "scribble"),
        (ScribbleMark(TRIANGLE, -1), "scribble.width_px"),
        (ScribbleMark(TRIANGLE, NAN), "scribble.width_px"),
        (ScribbleMark(TRIANGLE, 1e9), "scribble.width_px"),
        (EMPTY, "mask"),
        (MaskMark(WIDTH, HEIGHT, EMPTY.counts), "mask"),
        (MaskMark(HEIGHT, WIDTH, "garbage!"), "mask.counts"),
        (MaskMark(HEIGHT, WIDTH, "\u2603"), "mask.counts"),
        (MaskMark(HEIGHT, WIDTH, ""), "mask.counts"),
    ],
)
def test_a_bad_mark_is_refused_by_its_path(mark: Mark, field: str) -> None:
    good = Region((PointMark(1, 1),))
    with pytest.raises(ImageryError) as caught:
        validate_regions([good, Region((PointMark(2, 2), mark))], WIDTH, HEIGHT)
    assert caught.value.field == f"regions[1].marks[1].{field}"


def test_what_each_mark_may_have_all_of_them_may_not() -> None:
    line = ScribbleMark(tuple((float(i % 50), 1.0) for i in range(1024)), 1.0)
    validate_regions([Region((line,) * 64)], 60, 40)
    with pytest.raises(ImageryError, match="65537 vertices") as caught:
        validate_regions(
            [Region((line,) * 64), Region((ScribbleMark(((1.0, 1.0),), 1.0),))], 60, 40
        )
    assert (caught.value.field, caught.value.limit) == ("regions", "65536 vertices in all")
    everything = MaskMark(*encode_rle(np.ones((8000, 8000), bool)))
    validate_regions([Region((everything,) * 3)], 8000, 8000)
    with pytest.raises(ImageryError, match="4 masks of 8000 x 8000 px"):
        validate_regions([Region((everything,) * 4)], 8000, 8000)


def test_too_many_regions_and_empty_regions_are_refused() -> None:
    point = Region((PointMark(1, 1),))
    validate_regions([point] * 64, WIDTH, HEIGHT)
    with pytest.raises(ImageryError) as caught:
        validate_regions([point] * 65, WIDTH, HEIGHT)
    assert (caught.value.field, caught.value.limit) == ("regions", "64 regions")
    with pytest.raises(ImageryError) as caught:
        validate_regions([Region(())], WIDTH, HEIGHT)
    assert caught.value.field == "regions[0].marks"


NUMBERS = st.floats(-10, 250) | st.sampled_from([NAN, float("inf"), 1e300])
VERTICES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6).map(tuple)
ANY_MARK = st.one_of(
    st.builds(PointMark, NUMBERS, NUMBERS),
    st.builds(BoxMark, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    st.builds(PolygonMark, VERTICES),
    st.builds(ScribbleMark, VERTICES, NUMBERS),
)


@given(st.lists(st.builds(Region, st.lists(ANY_MARK, max_size=3).map(tuple)), max_size=4))
@settings(max_examples=150)
def test_what_is_accepted_can_be_drawn(regions: list[Region]) -> None:
    try:
        validate_regions(regions, WIDTH, HEIGHT)
    except ImageryError as error:
        assert error.field.startswith("regions[")
        return
    window = choose_window([region_extent_xyxy_px(r) for r in regions], WIDTH, HEIGHT)
    raster = rasterise_regions(regions, window, 56, WIDTH, HEIGHT)
    assert np.isfinite(raster.map_KSS).all() and np.isfinite(raster.boxes_R4).all()
    assert (raster.weights_RGG.max(axis=(1, 2)) > 0.999).all()


@given(st.integers(0, 10_000), st.sampled_from(MARK_KINDS))
@settings(max_examples=60)
def test_a_simulated_user_marks_the_thing(seed: int, kind: MarkKind) -> None:
    mask = ellipse()
    region = marks_from_mask(mask, kind, np.random.default_rng(seed))
    assert region == marks_from_mask(mask, kind, np.random.default_rng(seed))
    assert {mark_kind(mark) for mark in region.marks} == {kind}
    validate_regions([region], WIDTH, HEIGHT)
    if kind == "point":
        (point,) = region.marks
        assert isinstance(point, PointMark) and mask[int(point.y_px), int(point.x_px)]
    x0, y0, x1, y1 = mask_box_xyxy_px(mask) or (0, 0, 0, 0)
    extent = region_extent_xyxy_px(region)
    slack = 0.1 * (x1 - x0)
    assert x0 - slack <= extent[0] <= extent[2] <= x1 + slack
    assert y0 - slack <= extent[1] <= extent[3] <= y1 + slack


def test_a_mix_of_marks_has_two_or_three_kinds_and_up_to_three_points() -> None:
    found: set[tuple[MarkKind, ...]] = set()
    mask = ellipse()
    for seed in range(60):
        region = mixed_marks_from_mask(mask, np.random.default_rng(seed))
        assert region == mixed_marks_from_mask(mask, np.random.default_rng(seed))
        validate_regions([region], WIDTH, HEIGHT)
        kinds = [mark_kind(mark) for mark in region.marks]
        assert 2 <= len(set(kinds)) <= 3 and kinds.count("point") <= 3 and "mask" not in kinds
        found.add(tuple(sorted(kinds)))
    assert {("box", "point", "point"), ("polygon", "scribble")} <= found


@pytest.mark.parametrize("kind", MARK_KINDS)
def test_the_smallest_and_the_largest_thing_can_be_marked(kind: MarkKind) -> None:
    rng = np.random.default_rng(0)
    one_pixel, one_row = np.zeros((2, 30, 40), np.bool_)
    one_pixel[29, 39] = True
    one_row[3, 2:38] = True
    for mask in (one_pixel, one_row, np.ones((30, 40), np.bool_), np.ones((1, 1), np.bool_)):
        region = marks_from_mask(mask, kind, rng)
        height, width = mask.shape
        validate_regions([region], width, height)
        raster = rasterise_regions([region], whole_image(width, height), 56, width, height)
        assert raster.weights_RGG.max() > 0.999
    with pytest.raises(ImageryError, match="empty"):
        marks_from_mask(np.zeros((3, 3), np.bool_), kind, rng)


def test_each_kind_has_its_own_map_and_lies_where_it_was_drawn() -> None:
    mask = ellipse(256, 256)
    window = whole_image(256, 256)
    grid = cv2.resize(mask.astype(np.float32), (56, 56), interpolation=cv2.INTER_AREA)
    for k, kind in enumerate(MARK_KINDS):
        region = marks_from_mask(mask, kind, np.random.default_rng(1))
        raster = rasterise_regions([region], window, 224, 256, 256)
        assert raster.map_KSS.shape == (5, 224, 224) and raster.weights_RGG.shape == (1, 56, 56)
        assert raster.map_KSS.dtype == raster.weights_RGG.dtype == np.float32
        assert [bool(m.any()) for m in raster.map_KSS] == [i == k for i in range(5)]
        assert raster.kinds_RK.tolist() == [[float(i == k) for i in range(5)]]
        weights = raster.weights_RGG[0]
        assert (weights * (grid > 0)).sum() / weights.sum() > (0.6 if kind == "box" else 0.8)
        if kind in ("polygon", "mask"):
            assert np.minimum(weights, grid).sum() / np.maximum(weights, grid).sum() > 0.75


def test_a_filled_box_covers_exactly_its_area() -> None:
    box = Region((BoxMark(10.5, 20, 42.25, 61),))
    raster = rasterise_regions([box], Window(0, 0, 224), 224, 224, 224)
    assert raster.map_KSS[1].sum() == pytest.approx(31.75 * 41, rel=0.002)
    assert raster.map_KSS[1, 30, 10] == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(raster.boxes_R4[0] * 224, (10.5, 20, 42.25, 61), rtol=1e-6)


def test_a_polygon_covers_about_its_area() -> None:
    raster = rasterise_regions([Region((PolygonMark(TRIANGLE),))], Window(0, 0, 112), 224, 112, 112)
    area = abs((50 * 60 - 10 * 5) / 2) * 4
    # OpenCV fills the rim too: at most half a pixel around.
    assert area <= raster.map_KSS[2].sum() <= area * 1.06


def test_a_point_is_a_disc_of_three_cells_around_it() -> None:
    window = Window(0, 0, 224)
    raster = rasterise_regions([Region((PointMark(100, 60),))], window, 224, 224, 224)
    rows, columns = np.nonzero(raster.weights_RGG[0])
    assert rows.min() >= 60 / 4 - 4 and rows.max() <= 60 / 4 + 4
    assert columns.min() >= 100 / 4 - 4 and columns.max() <= 100 / 4 + 4
    assert np.unravel_index(raster.map_KSS[0].argmax(), (224, 224)) == (59, 99)


def test_a_region_outside_the_window_is_moved_to_its_rim() -> None:
    window = Window(100, 50, 40)
    regions = [Region((PointMark(10, 10),)), Region((BoxMark(0, 0, 20, 20),))]
    raster = rasterise_regions(regions, window, 56, WIDTH, HEIGHT)
    for weights in raster.weights_RGG:
        assert weights[0, 0] > 0 and not weights[7:, 7:].any()
    assert not raster.map_KSS[1].any()


def test_a_mask_mark_lies_where_its_pixels_are() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[30:50, 110:130] = True
    window = Window(100, 20, 64)
    raster = rasterise_regions([Region((MaskMark(*encode_rle(mask)),))], window, 64, WIDTH, HEIGHT)
    np.testing.assert_array_equal(raster.map_KSS[4], mask[20:84, 100:164].astype(np.float32))
    expected = to_window_unit([(110, 30), (130, 50)], window).reshape(4)
    np.testing.assert_allclose(raster.boxes_R4[0], expected, rtol=1e-6)


def test_many_marks_of_one_region_are_united() -> None:
    both = Region((BoxMark(10, 10, 20, 20), PointMark(150, 100)))
    raster = rasterise_regions([both], whole_image(WIDTH, HEIGHT), 224, WIDTH, HEIGHT)
    assert raster.kinds_RK.tolist() == [[1, 1, 0, 0, 0]]
    assert region_extent_xyxy_px(both) == (10, 10, 150, 100)
    assert raster.weights_RGG[0, 27, 42] > 0.9 or raster.weights_RGG[0, 39, 41] > 0.3
