"""Work that takes the place of the work before it, and so spares a message through the broker.

A message costs some milliseconds and a look at the queues far less. Short work goes on as long as
nothing more urgent waits: others as urgent hardly notice. Long work, as long as nothing as urgent
waits either; but not for ever, since workers that have just begun are to get their share.
"""

from __future__ import annotations

from shared.messages.celery_app import as_urgent_as, kind_of, more_urgent
from shared.run_records.backlog import Backlog

SHORT_S = 0.25
LONGEST_S = 10.0


class GoingOn:
    """Says what may go on in this process."""

    def __init__(self, backlog: Backlog, kinds: tuple[str, ...]) -> None:
        """Takes what says whether messages wait, and the kinds of queues served; none means all."""
        self._backlog = backlog
        self._kinds = kinds
        self._closing = False

    async def may(self, queue: str, held_s: float) -> bool:
        """Whether work of this queue may take a place that has been held for so long.

        Raises:
            StageUnavailable: The state store is away.
        """
        served = not self._kinds or kind_of(queue) in self._kinds
        if self._closing or not served or held_s > LONGEST_S:
            return False
        first = more_urgent(queue) if held_s < SHORT_S else as_urgent_as(queue)
        return not await self._backlog.waits(first)

    def close(self) -> None:
        """From now on nothing may: the process is to end."""
        self._closing = True
