"""What a handler knows about the call it serves: its deadline, who called, how pressing it is, and
how many like it are under way.

Kept in context variables, set by the server interceptor, so that work deeper down (the client
interceptor, the batcher) can honour the deadline without passing it through every signature.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Literal

Priority = Literal["interactive", "normal", "batch"]
# Metadata by which it goes from process to process.
PRIORITY_KEY = "x-earthgptx-priority"
COMPANY_KEY = "x-earthgptx-company"
# The first is served first.
PRIORITIES: tuple[Priority, ...] = ("interactive", "normal", "batch")

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_caller: ContextVar[str] = ContextVar("caller", default="")
_priority: ContextVar[Priority] = ContextVar("priority", default="interactive")


def _alone() -> int:
    return 1


_company: ContextVar[Callable[[], int]] = ContextVar("company", default=_alone)


def set_call(
    deadline_monotonic_s: float | None,
    caller: str,
    priority: Priority = "interactive",
    company: Callable[[], int] = _alone,
) -> None:
    """Sets what is known of the call, here and in what is begun from here.

    Args:
        deadline_monotonic_s: On the clock of `time.monotonic`; None for none.
        caller: Who called.
        priority: Who is served first where there is a queue.
        company: Counts the calls like this one that are under way now, itself among them.
    """
    _deadline.set(deadline_monotonic_s)
    _caller.set(caller)
    _priority.set(priority)
    _company.set(company)


def deadline() -> float | None:
    """When the caller stops waiting, on the clock of `time.monotonic`; None if never."""
    return _deadline.get()


def remaining_s() -> float | None:
    """Seconds until the caller stops waiting, never below 0; None if it waits for ever."""
    at = _deadline.get()
    return None if at is None else max(0.0, at - time.monotonic())


def caller() -> str:
    """Who called, as the process's `authenticate` named it; empty outside a call."""
    return _caller.get()


def priority() -> Priority:
    """Who is served first where there is a queue."""
    return _priority.get()


def company() -> int:
    """How many calls like this one, itself among them, its caller has under way; at least 1."""
    return max(1, _company.get()())


def company_told(text: str) -> Callable[[], int]:
    """The company as it was told; 1 for anything but a number."""
    told = int(text) if text.isdecimal() and len(text) <= 9 else 1
    return lambda: told


def priority_named(name: str) -> Priority:
    """The priority of that name; "interactive" for anything else, as somebody may be waiting."""
    return name if name in PRIORITIES else "interactive"
