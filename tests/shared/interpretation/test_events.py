from __future__ import annotations

import pytest

from shared.errors import QueueFull
from shared.interpretation.events import (
    BoxesFound,
    Ended,
    Event,
    Fault,
    ImageSeen,
    MaskDrawn,
    TextSaid,
    event_from_json,
    event_to_json,
)
from shared.interpretation.plan import Plan
from shared.messages.json_codec import CodecError, from_json, to_json
from tests.plans import plan

EVENTS: list[Event] = [
    ImageSeen("bands 1 to 3", True),
    TextSaid('a "ship" é\n'),
    BoxesFound("ship", ((0.0, 1.5, 2.0, 3.0),)),
    MaskDrawn("pier", 0, 64, 96, "abc", 0.5, 7, None),
    MaskDrawn("pier", 1, 64, 96, "abc", 0.5, 7, (1.0, 2.0, 3.0, 4.0)),
    Ended("succeeded", "yes", "<p>yes</p>", 1, 2, True, False, 0.25),
    Ended("failed", fault=Fault.of(QueueFull("full"))),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_json(event: Event) -> None:
    assert event_from_json(event_to_json(event)) == event


def test_a_plan_survives_json() -> None:
    asked = plan()
    assert from_json(Plan, to_json(asked)) == asked


NO_EVENTS = (
    "",
    "[]",
    "{}",
    '{"unknown":{}}',
    '{"text_said":{}}',
    '{"text_said":{"text":1}}',
    '{"text_said":{"text":true}}',
    '{"text_said":{"text":"a","more":1}}',
    '{"boxes_found":{"phrase":"","boxes_xyxy_px":[[1]]}}',
    '{"image_seen":{"band_note":"","from_cache":1}}',
)


@pytest.mark.parametrize("text", NO_EVENTS)
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        event_from_json(text)


def test_a_plan_of_another_version_is_refused() -> None:
    with pytest.raises(CodecError, match="unknown zoom"):
        from_json(Plan, to_json(plan())[:-1] + ',"zoom":1}')
