"""Runs of one to four words, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

LONGEST = 4
NgramCounts = Counter[tuple[str, ...]]


def count_ngrams(words: Sequence[str]) -> NgramCounts:
    """How often each run of one to ``LONGEST`` words occurs."""
    return Counter(
        tuple(words[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(words) - length + 1)
    )
