"""Who waits for a model, in three classes: interactive passes normal, normal passes batch.

Nobody starves: the last place of every batch is that of whoever has waited longest. Nobody is shut
out: the lower classes may fill only a part of the line.

Where only bulk work waits, a batch is worth waiting for: those of one run that are under way are
spread over the stages, so a share of them is what a stage may hope for at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from shared.errors import QueueFull
from shared.rpc_context import PRIORITIES, Priority

# Share of the line that the members of a class find open to them.
OPEN_SHARES: dict[Priority, float] = {"interactive": 1.0, "normal": 0.75, "batch": 0.5}

# Of those under way together, one in so many is waited for: there are so many stages.
ONE_OF = 4

MemberT = TypeVar("MemberT")


class WaitingLine(Generic[MemberT]):
    """Used on one event loop; iterates in the order of service."""

    def __init__(self, limit: int) -> None:
        """Holds at most `limit` members."""
        self._limit = limit
        self._classes: dict[Priority, dict[MemberT, float]] = {each: {} for each in PRIORITIES}
        self._companies: dict[MemberT, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._classes.values()))

    def __iter__(self) -> Iterator[MemberT]:
        for members in self._classes.values():
            yield from members

    def __contains__(self, member: object) -> bool:
        return any(member in members for members in self._classes.values())

    def join(
        self, member: MemberT, priority: Priority, retry_after_s: float, company: int = 1
    ) -> None:
        """Puts a member at the end of its class; `company` are under way together, it among them.

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
        self._companies[member] = company

    def leave(self, member: MemberT) -> bool:
        """Takes a member out; False if it was not waiting."""
        self._companies.pop(member, None)
        return any(members.pop(member, None) for members in self._classes.values())

    def waits(self, priority: Priority) -> bool:
        """Whether anybody of the class waits."""
        return bool(self._classes[priority])

    def waited_s(self) -> float:
        """How long somebody has been waiting."""
        since = min(since for members in self._classes.values() for since in members.values())
        return time.monotonic() - since

    def worth(self, most: int) -> int:
        """How many members are worth a batch of at most `most`; 1 where somebody is waited for."""
        if self.waits("interactive"):
            return 1
        return max(1, min(most, max(self._companies.values(), default=1) // ONE_OF))

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
        self._companies.clear()
        return members
