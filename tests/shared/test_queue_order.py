"""Which queue a worker looks at first."""

from __future__ import annotations

from shared.messages.celery_app import (
    QUEUES,
    STEPS,
    UrgentFirst,
    kind_of,
    more_urgent,
    queue_of,
    unit_queue_of,
)
from shared.workflow_runs.views import STAGES

REASON, URGENT = queue_of("reason"), unit_queue_of("reasoner", "interactive")
NORMAL, OTHER = unit_queue_of("reasoner", "normal"), unit_queue_of("orchestrator", "normal")
BULK = unit_queue_of("reasoner", "batch")


def test_there_is_a_queue_a_step_and_one_a_stage_and_priority() -> None:
    assert len(QUEUES) == len(set(QUEUES)) == len(STEPS) + 3 * len(STAGES)
    assert (kind_of(REASON), kind_of(BULK)) == ("reason", "workflow.reasoner.batch")


def test_urgent_queues_come_first_and_those_of_one_rank_in_turn() -> None:
    order = UrgentFirst()
    order.update([BULK, NORMAL, URGENT, OTHER, REASON])
    assert order.consume(9) == [URGENT, REASON, NORMAL, OTHER, BULK]
    order.rotate(URGENT)
    order.rotate(NORMAL)
    order.rotate(BULK)
    assert order.consume(9) == [REASON, URGENT, OTHER, NORMAL, BULK]
    assert order.consume(2) == [REASON, URGENT]


def test_more_urgent_queues_are_those_that_are_served_before() -> None:
    assert more_urgent(URGENT) == more_urgent(REASON) == ()
    assert set(more_urgent(NORMAL)) == {queue_of(step) for step in STEPS} | {
        unit_queue_of(stage, "interactive") for stage in STAGES
    }
    assert NORMAL in more_urgent(BULK) and BULK not in more_urgent(BULK)


def test_a_queue_that_is_not_consumed_any_more_may_still_give_a_message() -> None:
    order = UrgentFirst()
    order.update([BULK, NORMAL])
    order.rotate(URGENT)
    assert order.consume(9) == [NORMAL, BULK]
