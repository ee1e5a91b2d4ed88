"""Entries of a stream of the state Redis, as XREAD gives them; of either kind of run."""

from __future__ import annotations

from typing import Any


def entries_in(reply: Any) -> list[tuple[Any, Any]]:
    """Entries of the one stream that was read, in whichever form the protocol version has them."""
    if not reply:
        return []
    ((_, found),) = reply.items() if isinstance(reply, dict) else reply
    # RESP3 wraps the entries of a stream in one more list.
    if found and isinstance(found[0], list):
        found = found[0]
    return list(found)
