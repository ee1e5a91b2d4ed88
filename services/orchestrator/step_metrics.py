"""Counts of the orchestrator."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.metrics import Meter


class StepMetrics:
    """How steps and runs end."""

    def __init__(self, meter: Meter) -> None:
        """Makes the instruments."""
        self._steps = meter.create_histogram(
            "earthgptx_orchestrator_step_duration", unit="s", description="Time of one step attempt"
        )
        self._runs = meter.create_counter(
            "earthgptx_orchestrator_runs_ended", description="Runs ended here, by terminal state"
        )
        self._dead = meter.create_counter(
            "earthgptx_orchestrator_dead_letters", description="Runs given up"
        )

    def ended(self, step: str, outcome: str, duration_s: float) -> None:
        """A message for `step`, or for a unit of "workflow.<task>", was dealt with."""
        self._steps.record(duration_s, {"step": step, "outcome": outcome})

    def run_ended(self, state: str, dead: bool) -> None:
        """A run came to its end."""
        self._runs.add(1, {"state": state})
        if dead:
            self._dead.add(1)


class BacklogMetrics:
    """What waits: messages by what their queue is for, and runs."""

    def __init__(self, meter: Meter) -> None:
        """Makes the instruments."""
        self._queued = meter.create_gauge(
            "earthgptx_orchestrator_queued_messages", description="Messages nobody has taken"
        )
        self._running = meter.create_gauge(
            "earthgptx_orchestrator_running_runs", description="Runs not ended"
        )
        self._resent = meter.create_counter(
            "earthgptx_orchestrator_messages_by_sweeper",
            description="Messages for retries, lost messages and dead workers",
        )

    def set(self, queued: Mapping[str, int], running: int) -> None:
        """The backlog now."""
        for step, count in queued.items():
            self._queued.set(count, {"step": step})
        self._running.set(running)

    def resent(self, step: str) -> None:
        """The sweeper sent a message."""
        self._resent.add(1, {"step": step})
