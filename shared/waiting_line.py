"""Who waits for a model, in three classes: interactive passes normal, normal passes batch.

Nobody starves: the last place of every batch is that of whoever has waited longest. Nobody is shut
out: the lower classes may fill only a part of the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from shared.errors import QueueFull
from shared.rpc_context import PRIORITIES, Priority

# Share of the line that the members of a class find open to them.
OPEN_SHARES: dict[Priority, float] = {"interactive": 1.0, "normal": 0.75, "batch": 0.5}

MemberT = TypeVar("MemberT")


class WaitingLine(Generic[MemberT]):
    """Used on one event loop; iterates in the order of service."""

    def __init__(self, limit: int) -> None:
        """Holds at most `limit` members."""
        self._limit = limit
        self._classes: dict[Priority, dict[MemberT, float]] = {each: {} for each in PRIORITIES}

    def __len__(self) -> int:
        return sum(map(len, self._classes.values()))

    def __iter__(self) -> Iterator[MemberT]:
        for members in self._classes.values():
            yield from members

    def __contains__(self, member: object) -> bool:
        return any(member in members for members in self._classes.values())

    def join(self, member: MemberT, priority: Priority, retry_after_s: float) -> None:
        """Puts a member at the end of its class.

        Raises:
            QueueFull: There is no room for its class; `retry_after_s` is passed on.
        """
        open_to_class = max(1, int(self._limit * OPEN_SHARES[priority])) if self._limit else 0
        if len(self) >= open_to_class:
            raise QueueFull(
                f"{len(self)} requests wait already",
                limit=f"{open_to_class} requests",
                retry_after_s=retry_after_s,
            )
        self._classes[priority][member] = time.monotonic()

    def leave(self, member: MemberT) -> bool:
        """Takes a member out; False if it was not waiting."""
        return any(members.pop(member, None) for members in self._classes.values())

    def waits(self, priority: Priority) -> bool:
        """Whether anybody of the class waits."""
        return bool(self._classes[priority])

    def oldest_since(self) -> float:
        """Since when somebody has been waiting, on the clock of `time.monotonic`."""
        return min(since for members in self._classes.values() for since in members.values())

    def take(
        self, most: int, fits: Callable[[MemberT], bool] = lambda member: True
    ) -> list[tuple[MemberT, float]]:
        """Takes the next members out, each with the seconds it has waited.

        Args:
            most: At most so many.
            fits: Who may be taken now.
        """
        since_of = {m: since for members in self._classes.values() for m, since in members.items()}
        fitting = [member for member in since_of if fits(member)]
        taken = fitting[:most]
        if 1 < most < len(fitting):
            taken[-1] = min(fitting[most - 1 :], key=since_of.__getitem__)
        now = time.monotonic()
        for member in taken:
            self.leave(member)
        return [(member, now - since_of[member]) for member in taken]

    def clear(self) -> list[MemberT]:
        """Takes everybody out."""
        members = list(self)
        for each in self._classes.values():
            each.clear()
        return members
