"""Nothing is lost, the first word does not wait, and messages keep their distance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.gathered_text import GatheredText

EVERY_S = 0.03
WORDS = st.lists(st.tuples(st.text(max_size=4), st.floats(0, 0.05), st.booleans()), max_size=40)


@given(WORDS)
def test_all_text_comes_in_order_and_no_sooner_than_it_may(
    words: list[tuple[str, float, bool]],
) -> None:
    gathered, now_s, last_s = GatheredText(EVERY_S), 0.0, None
    given_text, sent = "", []
    for text, pause_s, at_once in words:
        now_s += pause_s
        given_text += text
        if piece := gathered.add(text, now_s, at_once):
            assert at_once or last_s is None or now_s - last_s >= EVERY_S
            last_s = now_s
            sent.append(piece)
        if at_once:
            assert "".join(sent) == given_text
    assert given_text.startswith("".join(sent))
    assert "".join(sent) + gathered.add("", now_s, at_once=True) == given_text


def test_the_first_word_does_not_wait() -> None:
    gathered = GatheredText(EVERY_S)
    assert gathered.add("", 0.0, at_once=False) == ""
    assert gathered.add("a", 0.0, at_once=False) == "a"
    assert gathered.add("b", EVERY_S / 2, at_once=False) == ""
    assert gathered.add("c", EVERY_S, at_once=False) == "bc"


def test_what_nobody_reads_as_it_comes_goes_with_what_follows() -> None:
    gathered = GatheredText(None)
    assert gathered.add("a", 0.0, at_once=False) == ""
    assert gathered.add("b", 99.0, at_once=False) == ""
    assert gathered.add("c", 99.0, at_once=True) == "abc"
    assert gathered.add("", 99.0, at_once=True) == ""
