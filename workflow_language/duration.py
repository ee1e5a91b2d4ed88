"""Lengths of time as people write them: 500ms, 30s, 1.5s, 5m, 2h."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration_s(text: str) -> float | None:
    """Seconds; None if it is no length of time."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _SECONDS[match[2]] if match else None


def written_duration(seconds: float) -> str:
    """As `google.protobuf.Duration` is written in JSON: whole seconds or to the nanosecond."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
