import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflow_language.random_regions import random_regions
from workflow_language.expressions.parsing import parse_condition
from workflow_language.region_sets import (
    Region,
    count_by_label,
    filter_regions,
    match_regions,
    sort_regions,
)
from workflow_language.value_types import REGION_FIELDS

SETS = st.lists(random_regions(), max_size=12)


def shared_px(one: Region, other: Region) -> float:
    x0, y0, x1, y1 = one.box_xyxy_px
    a0, b0, a1, b1 = other.box_xyxy_px
    return max(0, min(x1, a1) - max(x0, a0)) * max(0, min(y1, b1) - max(y0, b0))


def area_px(region: Region) -> float:
    x0, y0, x1, y1 = region.box_xyxy_px
    return (x1 - x0) * (y1 - y0)


@given(SETS, st.sampled_from(["score", "area_m2", "label", "width_px"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_sorting_keeps_all_and_puts_the_unknown_last(
    found: list[Region], by: str, descending: bool
) -> None:
    ordered = sort_regions(found, by, descending)
    assert sorted(map(repr, ordered)) == sorted(map(repr, found))
    values = [region.fields()[by] for region in ordered]
    known = [value for value in values if value is not None]
    assert values == [*known, *[None] * (len(values) - len(known))]
    assert known == sorted(known, reverse=descending)  # type: ignore[type-var]
    assert sort_regions(found, by, descending, at_most=2) == ordered[:2]


@given(SETS)
@settings(max_examples=60, deadline=None)
def test_a_condition_and_its_opposite_part_a_set(found: list[Region]) -> None:
    kept = filter_regions(found, parse_condition("score > 0.3 and label == $kind"), lambda _: "car")
    left = filter_regions(
        found, parse_condition("not (score > 0.3 and label == $kind)"), lambda _: "car"
    )
    assert sorted(map(repr, [*kept, *left])) == sorted(map(repr, found))
    assert all(region.label == "car" and (region.score or 0) > 0.3 for region in kept)


@given(SETS)
@settings(max_examples=60, deadline=None)
def test_counts_add_up(found: list[Region]) -> None:
    counted = count_by_label(found)
    assert sum(counted.values()) == len(found)
    assert list(counted.values()) == sorted(counted.values(), reverse=True)


@given(SETS, SETS, st.sampled_from([0.0, 0.3, 0.8]))
@settings(max_examples=80, deadline=None)
def test_each_thing_of_two_dates_is_new_gone_or_both(
    before: list[Region], after: list[Region], overlap: float
) -> None:
    matched = match_regions(before, after, overlap)
    assert len(matched.appeared) + len(matched.remained) == len(after)
    assert len(matched.vanished) + len(matched.remained) == len(before)
    for gone in matched.vanished:
        for new in matched.appeared:
            shared = shared_px(gone, new)
            union = area_px(gone) + area_px(new) - shared
            assert shared == 0 or shared < overlap * union


@given(SETS)
@settings(max_examples=40, deadline=None)
def test_nothing_changes_between_a_date_and_itself(found: list[Region]) -> None:
    matched = match_regions(found, found, overlap=1.0)
    assert matched.remained == tuple(found)
    assert not matched.appeared and not matched.vanished


def test_the_best_pair_is_matched_first() -> None:
    earlier = [Region((0, 0, 10, 10)), Region((2, 0, 12, 10))]
    later = [Region((2, 0, 12, 10), label="later")]
    matched = match_regions(earlier, later)
    assert matched.vanished == (earlier[0],) and matched.remained == (later[0],)


def test_a_region_has_the_fields_of_the_language() -> None:
    fields = Region((0, 0, 4, 3), "ship").fields()
    assert set(fields) == set(REGION_FIELDS)
    assert (fields["width_px"], fields["height_px"]) == (4, 3)


@pytest.mark.parametrize("count", [0, 1])
def test_few_regions_are_no_special_case(count: int) -> None:
    few = [Region((0, 0, 1, 1))] * count
    assert match_regions([], few).appeared == tuple(few)
    assert match_regions(few, []).vanished == tuple(few)
    assert math.isclose(sum(count_by_label(few).values()), count)
