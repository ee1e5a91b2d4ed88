"""The Celery app of the suite: who sends steps (gateway, orchestrator) and who runs them share it.

A message says which step of which run; everything else is in the run record. One queue a kind of
step of an interpretation, and one a stage and priority for units of workflows, so that each can be
scaled and watched alone. Urgent queues are served first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from kombu.utils.scheduling import priority_cycle
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import StageUnavailable
from shared.interpretation.plan import Step
from shared.rpc_context import PRIORITIES, Priority
from shared.settings import ProcessSettings
from shared.workflow_runs.views import STAGES, ReadyUnit, Stage

STEP_TASK = "earthgptx.run_step"
UNIT_TASK = "earthgptx.run_unit"
STEPS: tuple[Step, ...] = ("encode_image", "encode_prompts", "reason", "decode_masks", "finish")
MESSAGE_VERSION = 1
TRACE_HEADER = "traceparent"
KEY_PREFIX = "celery:"
QUEUE_PREFIX = "earthgptx."
# Only how long an unacknowledged message of a dead worker stays away. Correctness does not lean on
# it: leases and fences in the run record do.
VISIBILITY_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class StepCommand:
    """Run one step of one run; `attempt` counts the messages sent for it."""

    run_id: str
    step: Step
    attempt: int
    version: int = MESSAGE_VERSION


@dataclass(frozen=True, slots=True)
class UnitCommand:
    """Run one unit of one workflow run; `attempt` is the number of the claim it is sent for."""

    run_id: str
    unit: str
    attempt: int
    version: int = MESSAGE_VERSION


def queue_of(step: Step) -> str:
    """Name of the queue of a kind of step."""
    return f"{QUEUE_PREFIX}{step}"


def unit_queue_of(stage: Stage, priority: Priority) -> str:
    """Name of the queue of units of workflows for a stage, of one priority."""
    return f"{QUEUE_PREFIX}workflow.{stage}.{priority}"


def kind_of(queue: str) -> str:
    """What a queue is for: "reason", "workflow.reasoner.batch"."""
    return queue.removeprefix(QUEUE_PREFIX)


# Somebody waits for an interpretation as for an interactive step.
_STEP_RANK = 0
_RANKS: Mapping[str, int] = {queue_of(step): _STEP_RANK for step in STEPS} | {
    unit_queue_of(stage, priority): rank
    for rank, priority in enumerate(PRIORITIES)
    for stage in STAGES
}
# Every queue, the urgent ones first.
QUEUES: tuple[str, ...] = tuple(sorted(_RANKS, key=lambda queue: _RANKS[queue]))
# Those somebody waits for.
URGENT_QUEUES: tuple[str, ...] = tuple(queue for queue in QUEUES if _RANKS[queue] == _STEP_RANK)


def more_urgent(queue: str) -> tuple[str, ...]:
    """Queues that are served before this one."""
    return tuple(each for each in QUEUES if _RANKS[each] < _RANKS[queue])


def as_urgent_as(queue: str) -> tuple[str, ...]:
    """Queues that are not served after this one, itself among them."""
    return tuple(each for each in QUEUES if _RANKS[each] <= _RANKS[queue])


class UrgentFirst(priority_cycle):
    """The order in which queues are looked at: by rank, those of one rank in turn."""

    def update(self, it: Iterable[str]) -> None:
        """Takes the queues there are."""
        self.items[:] = sorted(it, key=lambda queue: _RANKS[queue])

    def rotate(self, last_used: str) -> str:
        """Puts the queue just served behind the others of its rank."""
        if last_used not in self.items:
            # Its message came when it was not consumed any more: kombu puts that back.
            return last_used
        self.items.remove(last_used)
        rank = _RANKS[last_used]
        after = sum(_RANKS[queue] <= rank for queue in self.items)
        self.items.insert(after, last_used)
        return last_used


def make_celery_app(settings: ProcessSettings) -> Celery:
    """The app, on the state Redis; connects when it first sends or consumes."""
    app = Celery("earthgptx", broker=settings.state_redis_url, set_as_current=False)
    timeouts = {"visibility_timeout": VISIBILITY_TIMEOUT_S}
    app.conf.update(
        task_queues=[Queue(queue) for queue in QUEUES],
        task_create_missing_queues=False,
        task_default_queue=queue_of("finish"),
        # State is kept in run records, never in results.
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={
            **timeouts,
            "global_keyprefix": KEY_PREFIX,
            # The defaults look for messages of dead workers every 100 s (kombu#2558).
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "health_check_interval": 15,
            "socket_keepalive": True,
            "socket_connect_timeout": 5,
            # One list a queue: priorities have queues of their own here.
            "priority_steps": [0],
            "queue_order_strategy": f"{UrgentFirst.__module__}:{UrgentFirst.__name__}",
        },
        result_backend_transport_options=timeouts,
        visibility_timeout=VISIBILITY_TIMEOUT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_acquire_timeout=10,
        # A send that fails is not lost: the sweeper finds the step ready and sends it again.
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
        worker_soft_shutdown_timeout=30,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return app


def current_traceparent() -> str:
    """W3C traceparent of the span this is called in, for a run to carry; "" outside of any."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(TRACE_HEADER, "")


def send_step(app: Celery, command: StepCommand, traceparent: str) -> None:
    """Puts the command into its queue. Blocks on the network: call it off the event loop.

    Raises:
        StageUnavailable: The broker cannot be reached.
    """
    _send(app, STEP_TASK, command, queue_of(command.step), traceparent)


def send_units(app: Celery, ready: Sequence[ReadyUnit]) -> None:
    """Puts a command for each unit into its queue. Blocks: call it off the event loop.

    Raises:
        StageUnavailable: The broker cannot be reached; the sweeper sends what was not sent.
    """
    for unit in ready:
        command = UnitCommand(unit.run_id, unit.unit, unit.attempt)
        _send(app, UNIT_TASK, command, unit_queue_of(unit.stage, unit.priority), unit.trace)


def _send(
    app: Celery, task: str, command: StepCommand | UnitCommand, queue: str, traceparent: str
) -> None:
    try:
        app.send_task(
            task,
            kwargs=asdict(command),
            queue=queue,
            headers={TRACE_HEADER: traceparent} if traceparent else {},
            ignore_result=True,
        )
    except (OperationalError, OSError) as error:
        raise StageUnavailable("the message broker cannot be reached") from error
