"""What every stage counts about its queue and its model."""

from __future__ import annotations

from opentelemetry.metrics import Meter

from shared.errors import QueueFull

BATCH_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


class StageMetrics:
    """Instruments of one stage, all labelled with its name."""

    def __init__(self, meter: Meter, stage: str) -> None:
        """Makes the instruments; names follow Prometheus with units at the end."""
        self._labels = {"stage": stage}
        self._depth = meter.create_up_down_counter(
            "earthgptx_stage_queue_depth", description="Requests waiting for the model"
        )
        self._running = meter.create_up_down_counter(
            "earthgptx_stage_running", description="Requests inside the model"
        )
        self._queue_wait = meter.create_histogram(
            "earthgptx_stage_queue_wait", unit="s", description="Time a request waits"
        )
        self._batch_size = meter.create_histogram(
            "earthgptx_stage_batch_size",
            description="Requests in one model call",
            explicit_bucket_boundaries_advisory=BATCH_BUCKETS,
        )
        self._service_time = meter.create_histogram(
            "earthgptx_stage_service_time", unit="s", description="Time of one model call"
        )
        self._step_time = meter.create_histogram(
            "earthgptx_stage_step_time", unit="s", description="Time of one step of a batch"
        )
        self._rejects = meter.create_counter(
            "earthgptx_stage_rejects", description="Requests refused, by reason"
        )
        self._cancels = meter.create_counter(
            "earthgptx_stage_cancels", description="Requests called off, by where they were"
        )
        self._cancel_latency = meter.create_histogram(
            "earthgptx_stage_cancel_latency", unit="s", description="From cancel to model idle"
        )

    def queued(self, change: int) -> None:
        """Requests joined (+) or left (-) the queue."""
        self._depth.add(change, self._labels)

    def running(self, change: int) -> None:
        """Requests entered (+) or left (-) the model."""
        self._running.add(change, self._labels)

    def waited(self, seconds: float) -> None:
        """A request left the queue for the model."""
        self._queue_wait.record(seconds, self._labels)

    def ran(self, batch_size: int, seconds: float) -> None:
        """The model was called once."""
        self._batch_size.record(batch_size, self._labels)
        self._service_time.record(seconds, self._labels)

    def stepped(self, seconds: float) -> None:
        """An open batch made one step."""
        self._step_time.record(seconds, self._labels)

    def rejected(self, reason: str = QueueFull.code) -> None:
        """A request was refused."""
        self._rejects.add(1, {**self._labels, "reason": reason})

    def cancelled(self, where: str, latency_s: float = 0.0) -> None:
        """A request was called off while "queued" or "running"."""
        self._cancels.add(1, {**self._labels, "where": where})
        self._cancel_latency.record(latency_s, {**self._labels, "where": where})
