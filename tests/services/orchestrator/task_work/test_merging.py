"""The same thing once, whatever views show it, by the rules by which scenes are stitched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.masks import (
    decode_rle,
    encode_rle,
    encode_rle_part,
    mask_box_xyxy_px,
    rle_area_px,
)
from earthgptx.scenes.tile_plan import Tile, TilePlan
from services.orchestrator.task_work.lone_masks import lie_apart
from services.orchestrator.task_work.merging import merged
from services.orchestrator.task_work.views import seen_in
from shared.errors import InvalidInput
from tests.earthgptx.scenes.generated import RECTANGLES, painted
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.workflow_language.random_regions import random_regions
from workflow_language.region_sets import Drawn, Region, Seen
from workflow_language.values import MaskPixels, SceneView

SIDE_PX = 300
SCENE = "sha256:" + "0f" * 32
LEFT, RIGHT = Seen((0, 0, 128, 128), (0, 0, 120, 120)), Seen((96, 0, 224, 128), (104, 0, 216, 120))


def found_in(tile: Tile, labels_HW: np.ndarray) -> list[Region]:
    """Each thing as the tile shows it: a mask of the whole scene."""
    x0, y0, x1, y1 = tile.window_xyxy_px
    seen = Seen((x0, y0, x1, y1), tile.trusted_xyxy_px)
    shown_HW = labels_HW[y0:y1, x0:x1]
    regions = []
    for number in np.unique(shown_HW[shown_HW > 0]).tolist():
        code = encode_rle_part(shown_HW == number, x0, y0, SIDE_PX, SIDE_PX)
        a0, b0, a1, b1 = mask_box_xyxy_px(shown_HW == number) or (0, 0, 0, 0)
        box = (a0 + x0, b0 + y0, a1 + x0, b1 + y0)
        mask = MaskPixels(SIDE_PX, SIDE_PX, code)
        area_px = int((shown_HW == number).sum())
        regions.append(Region(box, "it", mask=mask, area_px=area_px, image_id=SCENE, seen=seen))
    return regions


@settings(max_examples=25, deadline=None)
@given(
    RECTANGLES,
    st.sampled_from([10, 24, 48]),
    st.sampled_from([0, 30, 48]),
)
def test_masks_of_tiles_are_stitched_to_exactly_what_is_there(
    rectangles: list[tuple[int, int, int, int]], overlap_px: int, offset_px: int
) -> None:
    count, labels_HW = cv2.connectedComponents(painted(rectangles), connectivity=4)
    plan = TilePlan(SIDE_PX, SIDE_PX, 96, 96, overlap_px, offset_px, 0.0, "")
    found = [region for tile in plan.tiles() for region in found_in(tile, labels_HW)]
    things = merged(found, 0.5, True)
    assert len(things) == count - 1
    for thing in things:
        assert isinstance(thing.mask, MaskPixels)
        mask_HW = decode_rle(SIDE_PX, SIDE_PX, thing.mask.counts)
        number = labels_HW[mask_HW][0]
        assert np.array_equal(mask_HW, labels_HW == number)
        assert thing.box_xyxy_px == mask_box_xyxy_px(mask_HW)
        assert thing.area_px == mask_HW.sum()


def masked(box: tuple[int, int, int, int], seen: Seen | None, **more: Any) -> Region:
    x0, y0, x1, y1 = box
    mask_HW = np.zeros((SIDE_PX, SIDE_PX), np.bool_)
    mask_HW[y0:y1, x0:x1] = True
    pixels = MaskPixels(*encode_rle(mask_HW))
    return Region((x0, y0, x1, y1), mask=pixels, image_id=SCENE, seen=seen, **more)


def test_a_thing_at_the_rim_of_a_tile_is_drawn_by_the_tile_that_shows_more_of_it() -> None:
    in_left = masked((110, 10, 128, 40), LEFT, label="ship", score=0.9, caption="a bow")
    in_right = masked((112, 10, 150, 40), RIGHT, label="ship", score=0.6, caption="a ship at sea")
    (ship,) = merged([in_left, in_right], 0.5, True)
    # The left one is trusted up to 120 only.
    assert ship.box_xyxy_px == (110, 10, 150, 40) and ship.score == 0.9
    assert ship.caption == "a ship at sea" and ship.area_px == 40 * 30
    only_at_the_rim = masked((121, 10, 128, 40), LEFT, label="ship", score=0.9)
    assert merged([only_at_the_rim], 0.5, True) == ()
    (cut,) = merged([in_left], 0.5, True)
    assert cut.box_xyxy_px == (110, 10, 120, 40)
    assert isinstance(cut.mask, MaskPixels)
    assert rle_area_px(SIDE_PX, SIDE_PX, cut.mask.counts) == 10 * 30


def view(x0: float, trusted: tuple[float, float, float, float]) -> SceneView:
    window = (x0, 0.0, x0 + 128, 128.0)
    return SceneView(SCENE, SIDE_PX, SIDE_PX, window_xyxy_px=window, trusted_xyxy_px=trusted)


def boxed(x0: float, x1: float, score: float, tile_x0: float) -> Region:
    box = (x0, 10.0, x1, 40.0)
    seen = seen_in(view(tile_x0, (tile_x0, 0, tile_x0 + 128, 120)), box)
    return Region(box, "ship", score=score, image_id=SCENE, seen=seen, area_m2=7.0)


def test_a_box_that_a_tile_cuts_gives_way_to_the_whole_one() -> None:
    (ship,) = merged([boxed(100, 128, 0.9, 0), boxed(100, 156, 0.6, 96)], 0.5, True)
    assert (ship.box_xyxy_px, ship.score, ship.area_m2) == ((100, 10, 156, 40), 0.9, 7.0)


def test_a_thing_of_which_all_tiles_cut_the_box_has_the_extent_of_all() -> None:
    (pier,) = merged([boxed(20, 128, 0.6, 0), boxed(96, 224, 0.8, 96)], 0.5, True)
    assert pier.box_xyxy_px == (20, 10, 224, 40) and pier.area_m2 is None and pier.seen is None


def test_at_the_scenes_own_border_no_box_is_cut() -> None:
    at_the_top = Region((10.0, 0.0, 40.0, 30.0))
    assert not seen_in(view(0, (0, 0, 128, 120)), at_the_top.box_xyxy_px).cut
    assert seen_in(view(96, (104, 0, 216, 120)), (96.0, 50.0, 110.0, 60.0)).cut


def test_of_doubles_in_one_view_the_surer_stays_and_neighbours_stay_two() -> None:
    first = boxed(10, 50, 0.8, 0)
    assert merged([boxed(12, 52, 0.5, 0), first], 0.5, True) == (first,)
    beside = boxed(40, 80, 0.7, 0)
    assert merged([first, beside], 0.5, True) == (first, beside)


@st.composite
def regions(draw: st.DrawFn) -> Region:
    return replace(
        draw(random_regions()),
        image_id=draw(st.sampled_from(["", SCENE])),
        seen=draw(st.sampled_from([None, Seen((0, 0, 50, 90)), Seen((40, 0, 90, 90), cut=True)])),
    )


SETS = st.lists(regions(), max_size=12)


@given(SETS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_merging_does_not_depend_on_the_order(found: list[Region], random: Any) -> None:
    keyed = list({repr((r.box_xyxy_px, r.label, r.score, r.image_id)): r for r in found}.values())
    shuffled = list(keyed)
    random.shuffle(shuffled)
    assert merged(shuffled, 0.5, True) == merged(keyed, 0.5, True)


@given(SETS, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_things_are_of_one_scene_and_label_the_surest_first(
    found: list[Region], overlap: float, same_label: bool
) -> None:
    things = merged(found, overlap, same_label)
    assert len(things) <= len(found)
    words = {(region.image_id, region.label) for region in found}
    assert {(thing.image_id, thing.label) for thing in things} <= words
    assert not same_label or {(t.image_id, t.label) for t in things} == words
    scores = [-1.0 if thing.score is None else thing.score for thing in things]
    assert scores == sorted(scores, reverse=True)


def test_boxes_that_only_touch_are_two_things() -> None:
    side_by_side = [Region((n * 10.0, 0, n * 10.0 + 10, 10)) for n in range(3)]
    assert len(merged(side_by_side, 0.0, False)) == 3
    assert merged([], 0.5, True) == ()


def test_what_lies_in_two_scenes_is_never_one_thing() -> None:
    earlier = Region((0, 0, 10, 10), "ship", image_id="earlier")
    later = replace(earlier, image_id="later")
    assert merged([earlier, later, earlier], 0.5, True) == (earlier, later)


def test_what_hands_have_drawn_and_what_was_found_are_one_thing() -> None:
    drawn = Region((0, 0, 40, 40), "dock", drawn=Drawn("polygon", ((0, 0), (40, 0), (40, 40))))
    found = Region((2, 0, 40, 40), "dock", score=0.5, seen=Seen((0, 0, 300, 300)))
    (dock,) = merged([drawn, found], 0.4, True)
    assert dock.box_xyxy_px == found.box_xyxy_px and dock.score == 0.5


@given(
    st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 30)] * 2), max_size=9),
    st.sampled_from([None, Seen((0, 0, 90, 90)), Seen((0, 0, 90, 90), (5, 5, 70, 70))]),
)
@settings(max_examples=30, deadline=None)
def test_a_mask_that_meets_no_other_stays_as_it_is(
    corners_and_sides: list[tuple[int, int, int, int]], seen: Seen | None
) -> None:
    boxes = [(x, y, x + width, y + height) for x, y, width, height in corners_and_sides]
    found = [masked(box, seen, label="ship", score=n / 10) for n, box in enumerate(boxes)]
    apart = lie_apart(found)
    painted_HW = np.zeros((SIDE_PX, SIDE_PX), np.int64)
    for x0, y0, x1, y1 in boxes:
        painted_HW[y0:y1, x0:x1] += 1
    for number, box in enumerate(boxes):
        meets = painted_HW[box[1] : box[3], box[0] : box[2]].max() > 1
        inside = box[0] >= 5 and box[1] >= 5 and box[2] <= 70 and box[3] <= 70
        trusted = seen is None or seen.trusted_xyxy_px is None or inside
        assert apart[number] == (trusted and not meets)
    things = merged(found, 0.5, True)
    assert all(region in things for region, alone in zip(found, apart, strict=True) if alone)
    # One that meets them all has every mask traced, and leaves out of the result only itself.
    everything = masked((0, 0, SIDE_PX, SIDE_PX), None, label="sea", score=1.0)
    assert merged([everything, *found], 0.5, True) == (everything, *things)


def test_a_damaged_mask_is_refused_wherever_it_lies() -> None:
    good = masked((10, 10, 40, 40), None)
    damaged = replace(
        masked((60, 60, 90, 90), None), mask=MaskPixels(SIDE_PX, SIDE_PX, "no code at all")
    )
    for regions in (
        [damaged],
        [good, damaged],
        [replace(good, box_xyxy_px=(0, 0, 99, 99)), damaged],
    ):
        with pytest.raises(ImageryError):
            merged(regions, 0.5, True)


async def test_masks_of_two_sizes_in_one_scene_are_refused(workplace: Workplace) -> None:
    one = masked((10, 10, 40, 40), None)
    other = replace(one, mask=MaskPixels(*encode_rle(np.ones((50, 50), np.bool_))))
    with pytest.raises(InvalidInput):
        await workplace.run("merge", regions=((one, other),))
