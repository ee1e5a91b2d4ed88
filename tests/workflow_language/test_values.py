import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_language.region_sets import Drawn, Region, Seen
from workflow_language.value_json import NotOfType, value_from_json, value_to_json
from workflow_language.value_types import (
    ANY,
    BOOLEAN,
    FILE,
    IMAGE,
    MASK,
    MASKS,
    NUMBER,
    REGION,
    REGION_FIELDS,
    REGIONS,
    SCENE,
    TABLE,
    TEXT,
    ValueType,
    fields_of,
    list_of,
)
from workflow_language.values import File, MaskPixels, SceneView, Table, Value, field_of

IMAGE_ID = "sha256:" + "0f" * 32
WORDS = st.text(max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
SIDES = st.floats(0.5, 1000)
CORNERS = st.floats(-1000, 1000)
BOXES = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), CORNERS, CORNERS, SIDES, SIDES)
POSITIONS = st.tuples(CORNERS, CORNERS)
PIXELS = st.builds(MaskPixels, st.integers(1, 9), st.integers(1, 9), WORDS)


def regions_with(mask: st.SearchStrategy[Any]) -> st.SearchStrategy[Region]:
    return st.builds(
        Region,
        box_xyxy_px=BOXES,
        label=st.none() | WORDS,
        caption=st.none() | WORDS,
        score=st.none() | st.floats(0, 1),
        mask=mask,
        area_px=st.none() | SIDES,
        area_m2=st.none() | SIDES,
        length_m=st.none() | SIDES,
        image_id=st.sampled_from(["", IMAGE_ID]),
        drawn=st.none() | st.builds(Drawn, WORDS, st.lists(POSITIONS, max_size=3).map(tuple)),
        seen=st.none() | st.builds(Seen, BOXES, st.none() | BOXES, st.booleans()),
    )


def views(window: st.SearchStrategy[Any]) -> st.SearchStrategy[SceneView]:
    return st.builds(
        SceneView,
        image_id=st.just(IMAGE_ID),
        width_px=st.integers(1, 30_000),
        height_px=st.integers(1, 30_000),
        window_xyxy_px=window,
        trusted_xyxy_px=window,
        shown_px=st.none() | st.integers(64, 1024),
        side_px=st.none() | st.integers(64, 4096),
        gsd_m=st.none() | st.floats(0.01, 100),
        modality=st.sampled_from(["", "sar"]),
        georeferenced=st.booleans(),
    )


def tables() -> st.SearchStrategy[Table]:
    cells = st.none() | st.booleans() | WORDS | NUMBERS
    return st.integers(0, 3).flatmap(
        lambda width: st.builds(
            Table,
            st.tuples(*[WORDS] * width),
            st.lists(st.tuples(*[cells] * width), max_size=3).map(tuple),
        )
    )


def files(depth: int = 1) -> st.SearchStrategy[File]:
    beside = st.lists(files(depth - 1), max_size=2).map(tuple) if depth else st.just(())
    return st.builds(File, WORDS, WORDS, st.integers(0, 2**40), WORDS, beside)


VALUES: dict[ValueType, st.SearchStrategy[Any]] = {
    SCENE: views(st.none()),
    IMAGE: views(st.none() | BOXES),
    REGION: regions_with(st.none()),
    MASK: regions_with(PIXELS),
    REGIONS: st.lists(regions_with(st.none() | PIXELS), max_size=3).map(tuple),
    MASKS: st.lists(regions_with(PIXELS), max_size=3).map(tuple),
    TEXT: WORDS,
    NUMBER: NUMBERS,
    BOOLEAN: st.booleans(),
    TABLE: tables(),
    FILE: files(),
}
LISTS = {list_of(kind): st.lists(made, max_size=3).map(tuple) for kind, made in VALUES.items()}
TYPED = st.sampled_from([*VALUES.items(), *LISTS.items()]).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), pair[1])
)


@given(TYPED)
@settings(max_examples=150, deadline=None)
def test_a_value_comes_back_from_its_json_as_it_was(typed: tuple[ValueType, Value]) -> None:
    kind, value = typed
    text = json.dumps(value_to_json(value), allow_nan=False)
    back = value_from_json(kind, json.loads(text))
    assert back == value and repr(back) == repr(value)


@given(TYPED, st.sampled_from(sorted(VALUES, key=str)))
@settings(max_examples=150, deadline=None)
def test_a_value_of_another_type_is_refused(
    typed: tuple[ValueType, Value], other: ValueType
) -> None:
    kind, value = typed
    looks_alike = {IMAGE: {SCENE}, REGION: {MASK}, REGIONS: {MASKS}}

    if other == kind or kind in looks_alike.get(other, ()) or isinstance(value, tuple):
        return
    if kind == IMAGE and isinstance(value, SceneView) and value.window_xyxy_px is None:
        return

    with pytest.raises(NotOfType):
        value_from_json(other, value_to_json(value))


@pytest.mark.parametrize(
    ("kind", "given_json", "fault"),
    [
        (NUMBER, True, "is not a number"),
        (NUMBER, float("nan"), "is not a number"),
        (BOOLEAN, 1, "is not true or false"),
        (TEXT, None, "is not a text"),
        (REGIONS, {"box_xyxy_px": [0, 0, 1, 1]}, "is not regions"),
        (REGION, {"box_xyxy_px": [0, 0, 0, 1]}, "has a box_xyxy_px that is a box without area"),
        (REGION, {"label": "ship"}, "has no box_xyxy_px"),
        (REGION, {"box_xyxy_px": [0, 0, 1, 1], "colour": "red"}, "has an odd member 'colour'"),
        (MASK, {"box_xyxy_px": [0, 0, 1, 1]}, "is a region without pixels, not a mask"),
        (TABLE, {"columns": ["a"], "rows": [[1, 2]]}, "has a row that is longer"),
        (IMAGE, {"image_id": IMAGE_ID, "width_px": -1, "height_px": 1}, "not a whole number"),
        (ANY, "ship", "anything is no value"),
    ],
)
def test_what_is_no_value_is_refused_with_the_reason(
    kind: ValueType, given_json: Any, fault: str
) -> None:
    with pytest.raises(NotOfType, match=fault):
        value_from_json(kind, given_json)


def test_a_part_of_a_scene_is_no_scene() -> None:
    part = SceneView(IMAGE_ID, 90, 60, window_xyxy_px=(0.0, 0.0, 30.0, 30.0))
    assert value_from_json(IMAGE, value_to_json(part)) == part
    with pytest.raises(NotOfType, match="a part of a scene"):
        value_from_json(SCENE, value_to_json(part))


def test_numbers_that_json_does_not_have_are_not_written() -> None:
    with pytest.raises(NotOfType, match="not finite"):
        value_to_json(float("inf"))


def test_fields_are_those_of_the_language() -> None:
    scene = SceneView(IMAGE_ID, 90, 60, gsd_m=0.5, modality="sar", georeferenced=True)
    part = SceneView(IMAGE_ID, 90, 60, window_xyxy_px=(-5.0, 0.0, 25.0, 30.0))
    read = {name: field_of(scene, name) for name in fields_of(SCENE)}
    assert read == {
        "width_px": 90,
        "height_px": 60,
        "gsd_m": 0.5,
        "modality": "sar",
        "georeferenced": True,
    }
    assert [field_of(part, name) for name in ("width_px", "height_px", "gsd_m")] == [30, 30, None]
    ship = Region((0, 0, 4, 3), "ship")
    assert {name: field_of(ship, name) for name in REGION_FIELDS} == ship.fields()
    assert field_of((ship, ship), "count") == 2
