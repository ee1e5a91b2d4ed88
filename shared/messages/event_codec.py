"""Events of one family as JSON and back, each as {"<kind>": {...}}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Generic, TypeVar

from shared.messages.json_codec import CodecError, from_json, to_json

EventT = TypeVar("EventT")


class EventCodec(Generic[EventT]):
    """Knows the kinds of a family by the names they have in JSON."""

    def __init__(self, kinds: Mapping[str, type[EventT]]) -> None:
        """Takes the frozen dataclasses by name."""
        self._kinds = kinds
        self._names = {cls: kind for kind, cls in kinds.items()}

    def to_json(self, event: EventT) -> str:
        """The event as compact JSON."""
        return f'{{"{self._names[type(event)]}":{to_json(event)}}}'

    def from_json(self, text: str | bytes) -> EventT:
        """The event back.

        Raises:
            CodecError: It is none this version knows.
        """
        try:
            ((kind, _),) = (entry := json.loads(text)).items()
            cls = self._kinds[kind]
        except (ValueError, AttributeError, KeyError) as error:
            raise CodecError(f"not an event: {error!r}") from None
        return from_json(cls, json.dumps(entry[kind]))
