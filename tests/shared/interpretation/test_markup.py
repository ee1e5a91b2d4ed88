from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.interpretation.markup import (
    MAX_BOX_TEXT,
    MarkupReader,
    PhraseBoxes,
    PhraseMask,
    Piece,
    Words,
)


def read(*chunks: str) -> list[Piece]:
    """All pieces of an answer; neighbouring words are joined."""
    reader = MarkupReader()
    pieces = [piece for chunk in chunks for piece in reader.feed(chunk)] + reader.finish()
    joined: list[Piece] = []
    for piece in pieces:
        if joined and isinstance(piece, Words) and isinstance(joined[-1], Words):
            joined[-1] = Words(joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return joined


def test_words_boxes_and_masks_come_apart() -> None:
    answer = "A <p>ship</p>[0.10,0.20,0.30,0.40;0.5,0.5,0.6,0.6] at the <p>long pier</p>[SEG]."
    assert read(answer) == [
        Words("A ship"),
        PhraseBoxes("ship", ((0.1, 0.2, 0.3, 0.4), (0.5, 0.5, 0.6, 0.6))),
        Words(" at the long pier"),
        PhraseMask("long pier"),
        Words("."),
    ]


def test_one_phrase_may_have_boxes_and_a_mask() -> None:
    assert read("<p>ship</p>[0,0,1,1] [SEG]") == [
        Words("ship"),
        PhraseBoxes("ship", ((0.0, 0.0, 1.0, 1.0),)),
        Words(" "),
        PhraseMask("ship"),
    ]


def test_a_mask_after_other_words_has_no_phrase() -> None:
    assert read("<p>ship</p> there [SEG]")[-1] == PhraseMask("")


def test_words_are_given_as_soon_as_they_cannot_be_markup() -> None:
    reader = MarkupReader()
    assert reader.feed("two sh") == [Words("two sh")]
    assert reader.feed("ips <") == [Words("ips ")]
    assert reader.feed("3") == [Words("<3")]
    assert reader.feed("[S") == []
    assert reader.feed("o]") == [Words("[So]")]


def test_what_is_no_markup_stays_text() -> None:
    for text in ("a < b", "<Region 1> is a ship", "[1]", "[see]", "x[1.2.3,4,5,6]", "[", "<", "[]"):
        assert read(text) == [Words(text)], text


def test_groups_that_are_no_box_are_left_out() -> None:
    pieces = read("<p>a</p>[0.1,0.2,0.3;0.1,0.2,0.3,0.4;;-.5,1,2,+3]")
    assert pieces[1:] == [PhraseBoxes("a", ((0.1, 0.2, 0.3, 0.4), (-0.5, 1.0, 2.0, 3.0)))]


def test_an_answer_cut_off_keeps_its_whole_boxes_and_shows_no_markup() -> None:
    assert read("<p>a</p>[0.1,0.2,0.3,0.4;0.5,0.") == [
        Words("a"),
        PhraseBoxes("a", ((0.1, 0.2, 0.3, 0.4),)),
    ]
    assert read("<p>a</p>[0.1,0.2,0.3,0.4") == [Words("a")]


def test_unbalanced_phrases_do_no_harm() -> None:
    assert read("</p>[SEG]<p>a<p>b[SEG]") == [PhraseMask(""), Words("ab"), PhraseMask("b")]


def test_a_bracket_without_end_is_not_held_for_ever() -> None:
    reader = MarkupReader()
    given_back = reader.feed("[" + "1" * (MAX_BOX_TEXT + 1))
    assert given_back == [Words("[" + "1" * (MAX_BOX_TEXT + 1))]


tokens = st.sampled_from(
    [
        *("<p>", "</p>", "[SEG]", "[", "]", "<", "p>", "/", ";", ",", "0.25", "1", "-", ".", " "),
        *("[0.1,0.2,0.3,0.4]", "[0.1,0.2,0.3,0.4;0,0,1,1]", "ship", "é", "<Region 1>", "SEG", "\n"),
    ]
)
answers = st.lists(tokens | st.text(max_size=5), max_size=30).map("".join)


@settings(max_examples=400, deadline=None)
@given(answers, st.data())
def test_any_chunking_gives_the_same_pieces(answer: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=12)))
    edges = [0, *cuts, len(answer)]
    chunks = [answer[a:b] for a, b in pairwise(edges)]
    whole = read(answer)
    assert read(*chunks) == whole
    assert read(*answer) == whole


@settings(max_examples=200, deadline=None)
@given(answers)
def test_no_word_is_lost_or_made_up(answer: str) -> None:
    words = "".join(piece.text for piece in read(answer) if isinstance(piece, Words))
    rest = iter(answer)
    assert all(character in rest for character in words)
    without_markup = answer.translate(str.maketrans("", "", "<p>/[SEG]0123456789.,;+- \t\n"))
    assert without_markup == words.translate(str.maketrans("", "", "<p>/[SEG]0123456789.,;+- \t\n"))
