"""Retries, deadline, priority and items in flight: of a step, or of all (`defaults`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_language.definition import (
    LIMIT_DEADLINE_S,
    LIMIT_IN_FLIGHT,
    LIMIT_RETRIES,
    PRIORITIES,
    Policy,
)
from workflow_language.document import Json
from workflow_language.duration import parse_duration_s
from workflow_language.field_reader import FieldReader

POLICY_FIELDS = ("in_flight", "retries", "deadline", "priority")


def read_policy(reader: FieldReader, alone: bool = False) -> dict[str, Json]:
    """What is said of the policy, by field of `Policy`; `alone` refuses all other fields."""
    if alone:
        reader.only(POLICY_FIELDS)
    said: dict[str, Json] = {
        "retries": reader.whole("retries", 0, LIMIT_RETRIES),
        "deadline_s": _deadline_s(reader),
        "priority": reader.text("priority", choices=PRIORITIES) or None,
        "in_flight": reader.whole("in_flight", 1, LIMIT_IN_FLIGHT),
    }
    return {name: value for name, value in said.items() if value is not None}


def policy_of(said: Mapping[str, Json]) -> Policy:
    """The policy where what is not said is as ever."""
    checked: dict[str, Any] = dict(said)
    return Policy(**checked)


def _deadline_s(reader: FieldReader) -> float | None:
    given = reader.value("deadline")
    if isinstance(given, int | float) and not isinstance(given, bool):
        message = "has no unit"
        reader.refuse("bad_value", (*reader.path, "deadline"), message, f"say {given}s")
        return None
    text = reader.text("deadline")
    if not text:
        return None
    seconds = parse_duration_s(text)
    if seconds is not None and 0 < seconds <= LIMIT_DEADLINE_S:
        return seconds
    advice = "such as 500ms, 30s, 5m or 2h, at most 24h"
    reader.refuse("bad_value", (*reader.path, "deadline"), f"is {text[:60]!r}", advice)
    return None
