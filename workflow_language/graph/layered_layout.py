"""Places the nodes of a graph in rows so that edges run down and cross little.

The method of Sugiyama, Tagawa and Toda (1981, doi:10.1109/TSMC.1981.4308636), in its simplest form:
rows are given; edges that pass a row get a place in it; each row is put in order by the mean place
of its neighbours, down and up by turns; then nodes are pulled over their neighbours as far as the
row has room.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Key = str
Edge = tuple[Key, Key]
_SWEEPS = 8
_PULLS = 12
_PASSING_WIDTH_PX = 12.0


@dataclass(frozen=True)
class Layout:
    """Centres of nodes and the points edges go through.

    Attributes:
        centres_x_px: of each node.
        rows: of each node, from 0.
        routes: of each edge, the x of every row from its start to its end.
        width_px: of everything; x runs from 0 to it.
    """

    centres_x_px: Mapping[Key, float]
    rows: Mapping[Key, int]
    routes: Mapping[Edge, tuple[float, ...]]
    width_px: float


def lay_out(
    rows: Mapping[Key, int], widths_px: Mapping[Key, float], edges: Sequence[Edge], gap_px: float
) -> Layout:
    """Places the nodes.

    Args:
        rows: row of each node; edges run from lower to higher ones.
        widths_px: width of each node.
        edges: from, to; each once.
        gap_px: least distance of neighbours in a row.
    """
    chains = {edge: _chain(edge, rows) for edge in edges}
    widths = dict(widths_px)
    ordered: list[list[Key]] = [[] for _ in range(1 + max(rows.values(), default=-1))]
    for key, row in rows.items():
        ordered[row].append(key)
    for (start, _), chain in chains.items():
        for row, key in enumerate(chain[1:-1], start=rows[start] + 1):
            if key not in widths:
                ordered[row].append(key)
                widths[key] = _PASSING_WIDTH_PX
    links = list(dict.fromkeys(link for chain in chains.values() for link in pairwise(chain)))
    ordered = _with_few_crossings(ordered, links)
    x = _pulled_together(ordered, links, widths, gap_px)
    left = min((x[key] - widths[key] / 2 for key in x), default=0.0)
    right = max((x[key] + widths[key] / 2 for key in x), default=0.0)
    return Layout(
        {key: x[key] - left for key in rows},
        dict(rows),
        {edge: tuple(x[key] - left for key in chain) for edge, chain in chains.items()},
        right - left,
    )


def crossings(ordered: Sequence[Sequence[Key]], links: Sequence[Edge]) -> int:
    """How many pairs of links between neighbouring rows cross."""
    place = {key: number for row in ordered for number, key in enumerate(row)}
    row_of = {key: number for number, row in enumerate(ordered) for key in row}
    ends_by_row: list[list[tuple[int, int]]] = [[] for _ in ordered]
    for link in links:
        ends_by_row[row_of[link[0]]].append((place[link[0]], place[link[1]]))
    count = 0
    for number in range(len(ordered)):
        passed: list[int] = []
        for _, end in sorted(ends_by_row[number]):
            count += len(passed) - bisect_right(passed, end)
            insort(passed, end)
    return count


def _chain(edge: Edge, rows: Mapping[Key, int]) -> tuple[Key, ...]:
    """The edge's ends, and a key for each row it passes: one for all edges from one node."""
    start, end = edge
    return (start, *(f"{start}\n{row}" for row in range(rows[start] + 1, rows[end])), end)


def _with_few_crossings(ordered: list[list[Key]], links: Sequence[Edge]) -> list[list[Key]]:
    best, fewest = ordered, crossings(ordered, links)
    above, below = _neighbours(links)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        rows = range(1, len(ordered)) if downwards else range(len(ordered) - 2, -1, -1)
        neighbours = above if downwards else below
        ordered = [list(row) for row in ordered]
        for row in rows:
            other = ordered[row - 1 if downwards else row + 1]
            place = {key: number / max(1, len(other) - 1) for number, key in enumerate(other)}
            here = {key: n / max(1, len(ordered[row]) - 1) for n, key in enumerate(ordered[row])}
            ordered[row].sort(key=lambda key: _mean(neighbours.get(key, ()), place, here[key]))
        count = crossings(ordered, links)
        if count < fewest:
            best, fewest = ordered, count
    return best


def _pulled_together(
    ordered: Sequence[Sequence[Key]],
    links: Sequence[Edge],
    widths: Mapping[Key, float],
    gap_px: float,
) -> dict[Key, float]:
    """The x of each key's centre: near its neighbours, in order, without overlap."""
    x: dict[Key, float] = {}
    for row in ordered:
        x |= _apart(row, dict.fromkeys(row, 0.0), widths, gap_px)
    above, below = _neighbours(links)
    for pull in range(_PULLS):
        neighbours = above if pull % 2 == 0 else below
        for row in ordered if pull % 2 == 0 else reversed(ordered):
            wanted = {key: _mean(neighbours.get(key, ()), x, x[key]) for key in row}
            x |= _apart(row, wanted, widths, gap_px)
    return x


def _apart(
    row: Sequence[Key], wanted: Mapping[Key, float], widths: Mapping[Key, float], gap_px: float
) -> dict[Key, float]:
    """The nearest places to those wanted that keep order and distance: blocks share their error."""
    blocks: list[tuple[list[Key], float]] = []
    offsets: dict[Key, float] = {}
    for key in row:
        offsets[key] = 0.0
        keys, at = [key], wanted[key]
        while blocks:
            before, before_at = blocks[-1]
            last = before[-1]
            room = (widths[last] + widths[keys[0]]) / 2 + gap_px
            shift = offsets[last] + room
            if before_at + shift <= at:
                break
            blocks.pop()
            for member in keys:
                offsets[member] += shift
            keys = [*before, *keys]
            at = sum(wanted[member] - offsets[member] for member in keys) / len(keys)
        blocks.append((keys, at))
    return {key: at + offsets[key] for keys, at in blocks for key in keys}


def _neighbours(links: Sequence[Edge]) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
    above: dict[Key, list[Key]] = {}
    below: dict[Key, list[Key]] = {}
    for start, end in links:
        above.setdefault(end, []).append(start)
        below.setdefault(start, []).append(end)
    return above, below


def _mean(keys: Sequence[Key], place: Mapping[Key, float], otherwise: float) -> float:
    return sum(place[key] for key in keys) / len(keys) if keys else otherwise
