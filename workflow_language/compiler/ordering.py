"""What runs after what, and the rings in which nothing could begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush


def order(
    names: Sequence[str], after: Mapping[str, frozenset[str]]
) -> tuple[list[str], list[list[str]]]:
    """Puts names after those they wait for, else in the order given.

    Args:
        names: each once.
        after: for each name, which of the names it waits for.

    Returns:
        All names in order, and the rings: names that wait for each other, each for the next, the
        last for the first. Members of a ring stand where they would if they waited for none of it.
    """
    position = {name: number for number, name in enumerate(names)}
    waiting = {name: set(after[name]) for name in names}
    before: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for earlier in after[name]:
            before[earlier].append(name)
    ready = [position[name] for name in names if not waiting[name]]
    heapify(ready)
    ordered: list[str] = []
    rings: list[list[str]] = []
    while waiting:
        if not ready:
            ring = _ring(waiting, position)
            rings.append(ring)
            for name in ring:
                waiting[name].clear()
                heappush(ready, position[name])
        name = names[heappop(ready)]
        del waiting[name]
        ordered.append(name)
        for later in before[name]:
            if later in waiting and name in waiting[later]:
                waiting[later].remove(name)
                if not waiting[later]:
                    heappush(ready, position[later])
    return ordered, rings


def _ring(waiting: Mapping[str, set[str]], position: Mapping[str, int]) -> list[str]:
    """A ring among names of which each waits for another of them."""
    name = min(waiting, key=position.__getitem__)
    walked: dict[str, int] = {}
    path: list[str] = []
    while name not in walked:
        walked[name] = len(path)
        path.append(name)
        name = min(waiting[name], key=position.__getitem__)
    ring = path[walked[name] :]
    first = min(range(len(ring)), key=lambda place: position[ring[place]])
    return ring[first:] + ring[:first]
