"""What a caller is told while a question is answered, in order; past tense, JSON.

The interactive executor hands these over as they happen, the durable one through the run's event
stream. The gateway makes the public messages of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.errors import SuiteError
from shared.interpretation.boxes import BoxPx
from shared.messages.event_codec import EventCodec

TerminalState = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """The image's features are there; how its bands became them ("" if used as they are)."""

    band_note: str
    from_cache: bool


@dataclass(frozen=True, slots=True)
class TextSaid:
    """Words since the last event, without markup."""

    text: str


@dataclass(frozen=True, slots=True)
class BoxesFound:
    """Boxes the answer gave for a phrase, x0 y0 x1 y1 in pixels of the full image.

    Attributes:
        scores: How sure the model is of each, 0..1, the surest first; empty for boxes in words.
    """

    phrase: str
    boxes_xyxy_px: tuple[BoxPx, ...]
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MaskDrawn:
    """A mask of the full image as compressed COCO run-length code; `box_xyxy_px` None if empty."""

    phrase: str
    index: int
    height_px: int
    width_px: int
    counts: str
    score: float
    area_px: int
    box_xyxy_px: BoxPx | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why it failed: name in the error family, text for the caller, whether a retry makes sense.

    Attributes:
        field, limit: What was wrong and by which limit, as in `SuiteError`; "" for none.
    """

    code: str
    message: str
    retryable: bool
    field: str = ""
    limit: str = ""

    @classmethod
    def of(cls, error: SuiteError) -> Fault:
        """The caller's view of an error."""
        field, limit = error.field or "", error.limit or ""
        return cls(error.code, error.message, error.retryable, field, limit)


@dataclass(frozen=True, slots=True)
class Ended:
    """The one terminal event; `fault` is None if and only if the state is "succeeded"."""

    state: str
    answer: str = ""
    raw_answer: str = ""
    prompt_tokens: int = 0
    new_tokens: int = 0
    truncated: bool = False
    image_from_cache: bool = False
    duration_s: float = 0.0
    fault: Fault | None = None


Event = ImageSeen | TextSaid | BoxesFound | MaskDrawn | Ended

_CODEC: EventCodec[Event] = EventCodec(
    {
        "image_seen": ImageSeen,
        "text_said": TextSaid,
        "boxes_found": BoxesFound,
        "mask_drawn": MaskDrawn,
        "ended": Ended,
    }
)


def event_to_json(event: Event) -> str:
    """The event as {"<kind>": {...}}."""
    return _CODEC.to_json(event)


def event_from_json(text: str | bytes) -> Event:
    """The event back.

    Raises:
        CodecError: It is none this version knows.
    """
    return _CODEC.from_json(text)
