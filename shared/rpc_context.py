"""What a handler knows about the call it serves: its deadline and who called.

Kept in context variables, set by the server interceptor, so that work deeper down (the client
interceptor, the batcher) can honour the deadline without passing it through every signature.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_caller: ContextVar[str] = ContextVar("caller", default="")


def set_call(deadline_monotonic_s: float | None, caller: str) -> None:
    """Sets deadline (on the `time.monotonic` clock; None for none) and caller of this task."""
    _deadline.set(deadline_monotonic_s)
    _caller.set(caller)


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
