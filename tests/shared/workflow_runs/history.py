"""What must hold of the events of any run, whatever happened to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from shared.workflow_runs.events import (
    Event,
    NumberedEvent,
    RunAccepted,
    RunEnded,
    RunResumed,
    StepDone,
    StepExpanded,
    StepRewound,
    StepSkipped,
    StepStarted,
    UnitDone,
)


def check_history(told: Sequence[NumberedEvent], after: Mapping[str, Sequence[str]]) -> None:
    """Fails where the history is none that a run may have.

    Args:
        told: All events of a run that has ended.
        after: Of each step, the steps it waits for.
    """
    assert [each.number for each in told] == list(range(1, len(told) + 1))
    events = [each.event for each in told]
    _check_ends(events)
    done: set[str] = set()
    items: Counter[str] = Counter()
    expected: dict[str, int] = {}
    for event in events:
        match event:
            case StepStarted(step):
                assert done >= set(after[step]), f"{step} before what it waits for"
            case StepExpanded(step, count):
                items[step], expected[step] = 0, count
            case UnitDone(step, item):
                items[step] += 1
                assert items[step] <= expected[step], f"{step}#{item} is done once too often"
            case StepDone(step) | StepSkipped(step):
                assert step not in done, f"{step} is done twice"
                assert items[step] == expected.get(step, 0), f"{step} before its items"
                done.add(step)
            case StepRewound(step, _, item) if item is not None:
                items[step] -= 1
            case StepRewound(step):
                assert step in done
                done.remove(step)
    if events[-1] == RunEnded("succeeded"):
        assert done == set(after), f"never done: {set(after) - done}"


def _check_ends(events: Sequence[Event]) -> None:
    """Begun once, ended once for each time it was begun or resumed, nothing after an end."""
    marks = [event for event in events if isinstance(event, RunAccepted | RunEnded | RunResumed)]
    assert isinstance(events[0], RunAccepted) and isinstance(events[-1], RunEnded)
    for place, event in enumerate(marks):
        assert isinstance(event, RunEnded) == (place % 2 == 1), marks
    for event, following in pairwise(events):
        if isinstance(event, RunEnded):
            assert event.state != "succeeded" and isinstance(following, RunResumed)
