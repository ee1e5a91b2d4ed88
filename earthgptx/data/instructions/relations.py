"""How one object lies to another, in one canonical phrase."""

from __future__ import annotations

import math

from earthgptx.data.instructions.facts import Facts

DIRECTIONS = (
    "right of",
    "below right of",
    "below",
    "below left of",
    "left of",
    "above left of",
    "above",
    "above right of",
)
# Centres nearer than this share of the image have no direction worth a word.
_NEAREST_UNIT = 0.04


def direction(facts: Facts, subject: int, other: int) -> str | None:
    """Where ``subject`` lies as seen from ``other``: one of eight; None if they coincide."""
    (x0, y0), (x1, y1) = facts.centres_unit[subject], facts.centres_unit[other]
    dx = (x0 - x1) * facts.image.width_px
    dy = (y0 - y1) * facts.image.height_px
    if math.hypot(dx, dy) < _NEAREST_UNIT * max(facts.image.width_px, facts.image.height_px):
        return None
    return DIRECTIONS[round(math.atan2(dy, dx) / (math.pi / 4)) % 8]


def relation_phrase(facts: Facts, first: int, second: int, names: tuple[str, str]) -> str | None:
    """One clause: known relations ("inside", "on") first, then next to, then the direction.

    Args:
        facts: the image.
        first: index of an object.
        second: index of another object.
        names: how the clause calls them.

    Returns:
        e.g. ``<Region 2> is inside <Region 1>``; None where nothing certain can be said.
    """
    one, two = names
    kind = facts.related.get((first, second))
    if kind in ("inside", "on"):
        return f"{one} is {kind} {two}"
    inverse = facts.related.get((second, first))
    if inverse in ("inside", "on"):
        return f"{two} is {inverse} {one}"
    way = direction(facts, first, second)
    if kind or inverse:
        return f"{one} is next to {two}" if way is None else f"{one} is next to {two}, {way} it"
    return None if way is None else f"{one} is {way} {two}"
