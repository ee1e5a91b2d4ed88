"""The label an answer means, out of those that are allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from earthgptx.words import plural

# Below it, two words have little more in common than their letters.
LEAST_LIKENESS = 0.75
_ARTICLES = ("a ", "an ", "the ", "some ")


def chosen_label(answer: str, labels: Sequence[str]) -> str | None:
    """The label that the answer is, or holds, or is nearly; None if it is none of them.

    Args:
        answer: in the model's words.
        labels: what is allowed; none at all allows everything.
    """
    said = _bare(answer)
    if not labels:
        return said or None
    meant = {_bare(form): label for label in reversed(labels) for form in (plural(label), label)}
    if said in meant:
        return meant[said]
    held = [form for form in meant if f" {form} " in f" {said} "]
    if held:
        return meant[max(held, key=len)]
    near = difflib.get_close_matches(said, meant, n=1, cutoff=LEAST_LIKENESS)
    return meant[near[0]] if near else None


def _bare(text: str) -> str:
    """Small letters, without article and full stop."""
    words = " ".join(text.casefold().split()).rstrip(".!")
    return next((words.removeprefix(a) for a in _ARTICLES if words.startswith(a)), words)
