"""A run as people see it go: a line for what happened, and one that counts items in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from earthgptx_client.run_events import (
    RunAccepted,
    RunEnded,
    RunEvent,
    RunResumed,
    StepDone,
    StepExpanded,
    StepFailed,
    StepRewound,
    StepSkipped,
    StepStarted,
    UnitDone,
)


def shown(events: Iterator[RunEvent], out: TextIO, *, numbered: bool) -> Iterator[RunEvent]:
    """Tells of each event on `out` and passes it on.

    Args:
        events: of one run, in order.
        out: a terminal also has a line that counts items while they are done.
        numbered: every event with its number, for those who come back (`--after`).
    """
    progress = _Progress(out, numbered)
    try:
        for event in events:
            progress.tell(event)
            yield event
    finally:
        progress.clear()


class _Progress:
    def __init__(self, out: TextIO, numbered: bool) -> None:
        self._out = out
        self._numbered = numbered
        self._in_place = out.isatty()
        self._counting = False
        self._items: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._began_ms: dict[str, int] = {}

    def tell(self, event: RunEvent) -> None:
        words = self._words(event)
        if words is not None and (self._numbered or not isinstance(event.happened, UnitDone)):
            self.clear()
            number = f"{event.number:6}  " if self._numbered else ""
            self._out.write(f"{number}{words}\n")
        elif isinstance(event.happened, UnitDone) and self._in_place:
            self._out.write(f"\r\x1b[2K{words}")
            self._counting = True
        self._out.flush()

    def clear(self) -> None:
        """Takes the counting line away."""
        if self._counting:
            self._out.write("\r\x1b[2K")
            self._out.flush()
            self._counting = False

    def _words(self, event: RunEvent) -> str | None:
        """What to say of it; None for nothing."""
        match event.happened:
            case RunAccepted(workflow, steps):
                return f"{workflow}: {steps} step{'' if steps == 1 else 's'}"
            case RunResumed():
                return "the run is taken up again"
            case StepStarted(step):
                self._began_ms[step] = event.at_ms
                return f"{step:20} begun" if self._numbered else None
            case StepExpanded(step, items):
                self._items[step], self._done[step] = items, 0
                return f"{step:20} {items} item{'' if items == 1 else 's'}"
            case UnitDone(step, item):
                self._done[step] = self._done.get(step, 0) + 1
                if self._numbered:
                    return f"{step:20} item {item} done"
                return f"{step:20} {self._done[step]} of {self._items.get(step, '?')}"
            case StepDone(step, summary):
                took_s = (event.at_ms - self._began_ms.get(step, event.at_ms)) / 1000
                gave = "; ".join(f"{name}: {words}" for name, words in summary.items())
                return f"{step:20} done in {took_s:.1f} s{f'  {gave}' if gave else ''}"
            case StepSkipped(step):
                return f"{step:20} skipped"
            case StepFailed():
                return _failed(event.happened)
            case StepRewound(step, reason, item):
                unit = step if item is None else f"{step}#{item}"
                return f"{unit:20} runs again: {reason}"
            case RunEnded(state, failure):
                return f"{state}{f': {failure.message}' if failure else ''}"
        return None


def _failed(failed: StepFailed) -> str:
    item = "" if failed.item is None else f" item {failed.item}"
    then = "; tried again" if failed.will_retry else ""
    return (
        f"{failed.step:20}{item} attempt {failed.attempt} failed: "
        f"{failed.failure.code}: {failed.failure.message}{then}"
    )
