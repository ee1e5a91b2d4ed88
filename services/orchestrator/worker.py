"""Celery's consumers on threads of their own, the work on the process's event loop.

A Celery thread only waits for its step or unit: what computes has threads elsewhere. One event loop
holds every channel and connection, as grpc.aio wants it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from celery import Celery, Task
from celery.worker import WorkController, state

from services.orchestrator.urgent_slots import UrgentSlots, urgent_slots
from shared.errors import InvalidInput, StageUnavailable, SuiteError
from shared.messages.celery_app import (
    MESSAGE_VERSION,
    QUEUES,
    STEPS,
    TRACE_HEADER,
    URGENT_QUEUES,
    StepCommand,
    UnitCommand,
    kind_of,
)

# The fields of a message and its W3C traceparent.
RunMessage = Callable[[dict[str, Any], str], Coroutine[Any, Any, None]]
CommandT = TypeVar("CommandT", bound=StepCommand | UnitCommand)
STOP_SLACK_S = 2.0
# Two lines a message that say less than the step's own span.
_CHATTY = ("celery.worker.strategy", "celery.app.trace")
_log = logging.getLogger(__name__)


class QueueWorker:
    """Takes messages from their queues."""

    def __init__(
        self,
        app: Celery,
        work: Mapping[str, RunMessage],
        loop: asyncio.AbstractEventLoop,
        *,
        concurrency: int,
        kinds: tuple[str, ...],
    ) -> None:
        """Consumes nothing before `start`. `taken_at` says when a message was last taken.

        Args:
            app: The Celery app.
            work: What is done with a message, on `loop`, by name of its Celery task.
            loop: The process's event loop.
            concurrency: Most messages at once; a share of it is for urgent ones only.
            kinds: Kinds of queues consumed; none means all.
        """
        self._app = app
        self._work = work
        self._loop = loop
        self._queues = [queue for queue in QUEUES if not kinds or kind_of(queue) in kinds]
        self._urgent_slots = urgent_slots(concurrency, self._queues)
        self._slots = concurrency - self._urgent_slots
        self._running: set[concurrent.futures.Future[None]] = set()
        self.taken_at = time.monotonic()
        self._thread = threading.Thread(target=self._consume, name="celery", daemon=True)

    def start(self) -> None:
        """Begins to consume."""
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)

        def take(task: Task, **fields: Any) -> None:
            run = self._work[task.name]
            self._take(run, fields, getattr(task.request, TRACE_HEADER, None) or "")

        # Celery's threads ask for the process's app, not for that of their worker.
        self._app.set_default()
        for name in self._work:
            self._app.task(name=name, bind=True, ignore_result=True, shared=False)(take)
        self._thread.start()

    def busy(self) -> bool:
        """Whether a message that waits may have to: there are slots for some only."""
        return len(self._running) >= self._slots

    def alive(self) -> bool:
        """Whether the consumer runs at all."""
        return self._thread.is_alive()

    def stop(self, grace_s: float) -> None:
        """Takes no more messages, lets those running end for `grace_s`, calls off the rest.

        Blocks; call it off the event loop, which must go on meanwhile.
        """
        state.should_stop = 0
        concurrent.futures.wait(set(self._running), timeout=grace_s)
        for future in set(self._running):
            future.cancel()
        self._thread.join(STOP_SLACK_S)

    def _consume(self) -> None:
        self._app.steps["consumer"].add(UrgentSlots)
        controller = WorkController(
            app=self._app,
            pool_cls="threads",
            concurrency=self._slots,
            queues=self._queues,
            urgent_slots=self._urgent_slots,
            urgent_queues=[queue for queue in self._queues if queue in URGENT_QUEUES],
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        controller.start()

    def _take(self, run: RunMessage, fields: dict[str, Any], traceparent: str) -> None:
        self.taken_at = time.monotonic()
        future: concurrent.futures.Future[None] | None = None
        try:
            future = asyncio.run_coroutine_threadsafe(run(fields, traceparent), self._loop)
            self._running.add(future)
            future.result()
        except SuiteError as error:
            _log.warning("a message came to nothing: %s", error, extra={"fields": fields})
        except concurrent.futures.CancelledError:
            _log.warning("a message was called off", extra={"fields": fields})
        finally:
            if future:
                self._running.discard(future)


def read_command(kind: type[CommandT], fields: dict[str, Any]) -> CommandT:
    """The command in a message.

    Raises:
        InvalidInput: It is none, or of another version.
    """
    try:
        command = kind(**fields)
    except TypeError as error:
        raise InvalidInput(f"not a command: {error}") from None
    known = not isinstance(command, StepCommand) or command.step in STEPS
    if command.version != MESSAGE_VERSION or not known:
        raise InvalidInput(f"unknown version or step: {command}")
    return command


class Hearing:
    """Liveness that means something: messages wait, threads are free, and yet nothing is taken."""

    def __init__(self, worker: QueueWorker, patience_s: float) -> None:
        """Watches `worker`; a message may wait `patience_s` before that means anything."""
        self._worker = worker
        self._patience_s = patience_s
        self._waiting_since: float | None = None

    def check(self, queued: int) -> None:
        """Takes the number of messages that wait now.

        Raises:
            StageUnavailable: The consumer is gone or deaf.
        """
        if not self._worker.alive():
            raise StageUnavailable("the queue's consumer has stopped")
        now = time.monotonic()
        if not queued or self._worker.busy() or self._waiting_since is None:
            self._waiting_since = now if queued else None
            return
        since = max(self._waiting_since, self._worker.taken_at)
        if now - since > self._patience_s:
            raise StageUnavailable(f"{queued} messages wait and none is taken")
