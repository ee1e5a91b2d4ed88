"""Boxes and plain text from the model's markup."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earthgptx.model.markup import parse_boxes, plain_text


def test_boxes_belong_to_the_phrase_before_them() -> None:
    found = parse_boxes("there are <p>2 ships</p>[0.10,0.20,0.30,0.40;0.5,0.5,0.6,0.7].")
    assert [f.phrase for f in found] == ["2 ships"]
    assert found[0].boxes_xyxy_unit == ((0.1, 0.2, 0.3, 0.4), (0.5, 0.5, 0.6, 0.7))


def test_boxes_without_extent_are_left_out() -> None:
    assert parse_boxes("<p>a ship</p>[0.5,0.5,0.5,0.6]") == ()


def test_plain_text_has_no_markup() -> None:
    assert (
        plain_text("<p>2 ships</p>[0.1,0.2,0.3,0.4] and <p>a dam</p>[SEG]") == "2 ships and a dam"
    )


@given(st.text())
def test_any_text_is_parsed_without_complaint(text: str) -> None:
    parse_boxes(text)
    assert "[SEG]" not in plain_text(text) or "[SEG]" in text
