"""What tells things of one label apart: colour, place, which is outermost, which is largest.

A qualifier is one word or two of a closed list, whatever the label; ``words`` put it to the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earthgptx.data.instructions.facts import Facts
from earthgptx.data.synthetic.colours import PALETTE
from earthgptx.words import PLACES, at

# A size word is only used for the clearly largest or smallest of a label.
CLEAR_RATIO = 1.5
# An outermost thing is so far from the next, as a share of the image.
CLEAR_DISTANCE = 0.05
OUTERMOST = (("leftmost", "rightmost"), ("topmost", "bottommost"))
QUALIFIERS = (
    *PALETTE,
    *(place for row in PLACES for place in row),
    *("largest", "smallest"),
    *(word for pair in OUTERMOST for word in pair),
)


@dataclass(frozen=True)
class Qualified:
    """Things of one label that a qualifier picks.

    Attributes:
        words: label and qualifier as one expression ("red ship", "ship at the left").
        qualifier: one of ``QUALIFIERS``.
        indices: the things, in reading order.
    """

    words: str
    qualifier: str
    indices: tuple[int, ...]


def qualified(facts: Facts, label: str) -> list[Qualified]:
    """Every qualifier that picks some, but not all, of a label's things."""
    same = facts.things.get(label, ())
    if len(same) < 2:
        return []
    groups = [
        *(_with_words(f"{word} {label}", word, found) for word, found in _colours(facts, same)),
        *(_with_words(f"{label} {at(p)}", p, found) for p, found in _places(facts, same)),
        *(_with_words(f"{word} {label}", word, found) for word, found in _extremes(facts, same)),
    ]
    return [group for group in groups if len(group.indices) < len(same)]


def _with_words(words: str, qualifier: str, indices: Sequence[int]) -> Qualified:
    return Qualified(words, qualifier, tuple(indices))


def _colours(facts: Facts, same: Sequence[int]) -> list[tuple[str, list[int]]]:
    of_colour: dict[str, list[int]] = {}
    for index in same:
        word = facts.colour(index)
        # Sources may have colour words of their own.
        if word in PALETTE:
            of_colour.setdefault(str(word), []).append(index)
    return list(of_colour.items())


def _places(facts: Facts, same: Sequence[int]) -> list[tuple[str, list[int]]]:
    at_place: dict[str, list[int]] = {}
    for index in same:
        at_place.setdefault(facts.places[index], []).append(index)
    return list(at_place.items())


def _extremes(facts: Facts, same: Sequence[int]) -> list[tuple[str, list[int]]]:
    by_area = sorted(same, key=lambda index: facts.areas_unit[index])
    areas = [facts.areas_unit[index] for index in by_area]
    found = []
    if areas[-1] > CLEAR_RATIO * areas[-2]:
        found.append(("largest", [by_area[-1]]))
    if areas[0] * CLEAR_RATIO < areas[1]:
        found.append(("smallest", [by_area[0]]))
    for axis, (first, last) in enumerate(OUTERMOST):
        along = sorted(same, key=lambda index: facts.centres_unit[index][axis])
        at_axis = [facts.centres_unit[index][axis] for index in along]
        if at_axis[0] + CLEAR_DISTANCE < at_axis[1]:
            found.append((first, [along[0]]))
        if at_axis[-1] - CLEAR_DISTANCE > at_axis[-2]:
            found.append((last, [along[-1]]))
    return found
