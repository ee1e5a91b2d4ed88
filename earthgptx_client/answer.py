"""A whole answer, gathered from its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from earthgptx_client.errors import CANCELLED, ClientError
from earthgptx_client.events import (
    Accepted,
    BoxXyxyPx,
    Event,
    Finished,
    GroundedBoxes,
    GroundedMask,
    Usage,
)


@dataclass(frozen=True)
class Answer:
    """What was answered.

    Attributes:
        text: the words, without markup.
        boxes: groups of boxes with the phrase they belong to, in the order of the answer.
        masks: likewise, masks.
        accepted: id of the run, the window looked at, how bands were used.
        truncated: the answer was cut by `max_new_tokens`.
        raw_text: the words in the model's markup.
    """

    text: str
    boxes: tuple[GroundedBoxes, ...]
    masks: tuple[GroundedMask, ...]
    usage: Usage
    accepted: Accepted
    truncated: bool
    raw_text: str

    def to_json(self, *, outlines: bool = False) -> dict[str, Any]:
        """The answer as JSON values; `outlines` adds the polygons of the masks."""
        return {
            "text": self.text,
            "boxes": [
                {
                    "phrase": group.phrase,
                    "boxes_xyxy_px": [_rounded(box) for box in group.boxes_xyxy_px],
                    "scores": [round(score, 4) for score in group.scores],
                }
                for group in self.boxes
            ],
            "masks": [_mask_json(mask, outlines) for mask in self.masks],
            "run_id": self.accepted.run_id,
            "window_xys_px": list(self.accepted.window_xys_px),
            "band_note": self.accepted.band_note,
            "raw_text": self.raw_text,
            "truncated": self.truncated,
            "usage": {
                "prompt_tokens": self.usage.prompt_tokens,
                "new_tokens": self.usage.new_tokens,
                "image_from_cache": self.usage.image_from_cache,
                "duration_s": round(self.usage.duration_s, 4),
            },
        }


def gather(events: Iterable[Event]) -> Answer:
    """Reads events to the end.

    Raises:
        ClientError: the answer failed, was cancelled, or ended without a final event.
    """
    accepted = Accepted("", (0.0, 0.0, 0.0), "")
    boxes: list[GroundedBoxes] = []
    masks: list[GroundedMask] = []
    finished: Finished | None = None
    for event in events:
        match event:
            case Accepted():
                accepted = event
            case GroundedBoxes():
                boxes.append(event)
            case GroundedMask():
                masks.append(event)
            case Finished():
                finished = event
    if finished is None:
        raise ClientError("INTERNAL", "the suite ended the answer without a final event")
    check_succeeded(finished)
    return Answer(
        text=finished.answer,
        boxes=tuple(boxes),
        masks=tuple(masks),
        usage=finished.usage,
        accepted=accepted,
        truncated=finished.truncated,
        raw_text=finished.raw_answer,
    )


def check_succeeded(finished: Finished) -> None:
    """Returns if the answer is a good one.

    Raises:
        ClientError: it failed or was cancelled.
    """
    if finished.state == "succeeded":
        return
    if finished.failure is not None:
        raise finished.failure.as_error()
    code = CANCELLED if finished.state == "cancelled" else "INTERNAL"
    raise ClientError(code, f"the interpretation {finished.state}")


def _rounded(box_xyxy_px: BoxXyxyPx) -> list[float]:
    """To hundredths of a pixel: finer than the model speaks."""
    return [round(value, 2) for value in box_xyxy_px]


def _mask_json(mask: GroundedMask, outlines: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "phrase": mask.phrase,
        "index": mask.index,
        "score": round(mask.score, 4),
        "area_px": mask.area_px,
        "box_xyxy_px": _rounded(mask.box_xyxy_px) if mask.box_xyxy_px else None,
        "rle": {"size": [mask.height_px, mask.width_px], "counts": mask.counts},
    }
    if outlines:
        described["polygons_px"] = mask.polygons_px
        described["polygons_lonlat"] = mask.polygons_lonlat
    return described
