"""Slots of a worker that only urgent messages may fill, on a consumer of their own.

Celery's consumer looks at urgent queues first, but once its slots hold long units of bulk runs it
looks at none. So it gets fewer slots, and beside it, in the same worker, a second one looks at the
urgent queues alone. It has a connection of its own: on one connection, kombu's Redis transport
gives the messages of a queue to whoever began to consume it last, whoever asked for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker.consumer import Consumer, Tasks
from kombu.common import ignore_errors

from shared.messages.celery_app import URGENT_QUEUES

# One slot in so many is for urgent messages only.
ONE_SLOT_IN = 4


def urgent_slots(concurrency: int, queues: Sequence[str]) -> int:
    """How many of the slots of a worker for `queues` only urgent messages may fill.

    None where there is but one, and none where there is nothing to keep them from or for.
    """
    urgent = sum(queue in URGENT_QUEUES for queue in queues)
    if concurrency < 2 or urgent in (0, len(queues)):
        return 0
    return max(1, concurrency // ONE_SLOT_IN)


class UrgentSlots(StartStopStep):  # type: ignore[misc]  # Celery has no types
    """The second consumer, as a part of Celery's: it is started, stopped and reconnected with it.

    Takes `urgent_slots` and `urgent_queues` from the arguments of the `WorkController`.
    """

    requires = (Tasks,)

    def __init__(
        self,
        consumer: Consumer,
        urgent_slots: int = 0,
        urgent_queues: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Gives the pool threads for its slots too; there is nothing to start without slots."""
        super().__init__(consumer, **options)
        self.enabled = urgent_slots > 0
        self._slots = urgent_slots
        self._queues = urgent_queues
        self._connection: Any = None
        self._urgent: Any = None
        # What the consumers may hold bounds the work, not the threads. Celery goes by the pool's
        # own number of them to set how much its consumer may hold.
        threads = consumer.pool.num_processes + urgent_slots
        consumer.pool.executor = ThreadPoolExecutor(threads, "celery")

    def start(self, consumer: Consumer) -> None:
        """Begins to consume, on a new connection each time Celery makes one."""
        self._disconnect(consumer)
        self._connection = consumer.connect()
        amqp = consumer.app.amqp
        self._urgent = amqp.TaskConsumer(
            self._connection,
            queues=[amqp.queues[queue] for queue in self._queues],
            on_message=consumer.create_task_handler(),
            on_decode_error=consumer.on_decode_error,
            prefetch_count=self._slots,
        )
        self._urgent.consume()

    def stop(self, consumer: Consumer) -> None:
        """Takes no more; what it holds is still to be acknowledged."""
        if self._urgent is not None:
            ignore_errors(consumer, self._urgent.cancel)

    def shutdown(self, consumer: Consumer) -> None:
        """Gives back what was not acknowledged."""
        self._disconnect(consumer)

    def _disconnect(self, consumer: Consumer) -> None:
        if self._connection is not None:
            ignore_errors(consumer, self._connection.close)
