import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.evaluation.label_text import (
    is_match,
    labels_of_regions,
    normalised,
    osprey_prediction,
    osprey_truth,
    word_overlap,
)


@pytest.mark.parametrize(
    ("said", "truth", "right"),
    [
        ("ship", "ship", True),
        ("A ship.", "ship", True),
        ("Region 1: Storage_Tank", "storage tank", True),
        ("", "ship", False),
        (" . ", "ship", False),
        ("ships", "ship", False),
        ("yes", "no", False),
    ],
)
def test_words_match_after_normalising_and_silence_never_does(
    said: str, truth: str, right: bool
) -> None:
    assert is_match(said, truth) is right


def test_word_overlap_is_shared_words_over_all_words() -> None:
    assert word_overlap("large storage tank", "storage tank") == pytest.approx(2 / 3)
    assert word_overlap("ship SHIP", "Ship") == 1.0
    assert word_overlap("", "") == 0.0
    assert word_overlap("", "ship") == 0.0


def test_ospreys_text_is_cased_and_follows_the_first_colon() -> None:
    assert osprey_prediction("Region 1: A large ship, maybe.") == " A large ship  maybe "
    assert osprey_prediction("a:b:c") == "b"
    assert osprey_truth("Storage_Tank:x") == "Storage Tank x"


def test_a_region_that_is_not_named_has_no_label_and_surplus_ones_do_no_harm() -> None:
    said = "Region 1: ship\nregion 3 : storage tank\nRegion 9: car\nRegion 1: plane"
    assert labels_of_regions(said, 3) == ["ship", "", "storage tank"]
    assert labels_of_regions("a ship", 2) == ["", ""]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80), st.integers(0, 6))
def test_there_is_one_label_a_region_whatever_is_said(text: str, count: int) -> None:
    assert len(labels_of_regions(text, count)) == count


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40), st.text(max_size=40))
def test_word_overlap_is_symmetric_and_within_its_range(a: str, b: str) -> None:
    assert word_overlap(a, b) == word_overlap(b, a)
    assert 0.0 <= word_overlap(a, b) <= 1.0
    assert word_overlap(a, a) == (1.0 if a.split() else 0.0)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_what_is_normalised_has_one_space_between_words(text: str) -> None:
    assert normalised(text) == " ".join(normalised(text).split()).strip()
