"""What all sweeps have in common: of runs of one kind those that are due are looked at in turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from services.orchestrator.step_metrics import BacklogMetrics, StepMetrics

RUNS_A_LOOK = 100


class DueRuns(Protocol):
    """Records of runs."""

    async def due(self, limit: int) -> Sequence[str]:
        """Ids of runs that nobody has worked on for too long, `limit` at most."""
        ...


RecordsT = TypeVar("RecordsT", bound=DueRuns)
SendT = TypeVar("SendT")


class Sweep(ABC, Generic[RecordsT, SendT]):
    """Does for due runs of one kind what their records ask for."""

    def __init__(
        self,
        records: RecordsT,
        send: SendT,
        step_metrics: StepMetrics,
        backlog_metrics: BacklogMetrics,
    ) -> None:
        """Takes the records, what puts commands into queues, and the counts."""
        self._records = records
        self._send = send
        self._step_metrics = step_metrics
        self._backlog_metrics = backlog_metrics

    async def look(self) -> None:
        """Looks once at every run that is due.

        Raises:
            StageUnavailable: The state store is away.
        """
        for run_id in await self._records.due(RUNS_A_LOOK):
            await self.sweep(run_id)

    @abstractmethod
    async def sweep(self, run_id: str) -> None:
        """Does for one due run what its record asks for."""
