"""Never more than the budget, and what was used last stays longest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earthgptx.kept_within import KeptWithin

STEPS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12), st.booleans()), max_size=60)


@given(STEPS)
def test_it_holds_what_a_plain_list_of_uses_says(steps: list[tuple[int, int, bool]]) -> None:
    kept: KeptWithin[int] = KeptWithin(10)
    # Oldest use first.
    expected: list[tuple[int, int]] = []
    for key, size, keeps in steps:
        if keeps:
            kept.keep(key, size, size)
            expected = [each for each in expected if each[0] != key]
            if size <= 10:
                expected.append((key, size))
            while sum(size for _, size in expected) > 10:
                expected.pop(0)
        elif kept.find(key) is not None:
            expected.sort(key=lambda each: each[0] == key)
        assert kept.kept_bytes == sum(size for _, size in expected) <= 10
    for key in range(7):
        assert kept.find(key) == dict(expected).get(key)
