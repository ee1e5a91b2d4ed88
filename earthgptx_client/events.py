"""What the suite says back, as plain values; each class mirrors a message of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthgptx_client import run_length
from earthgptx_client.errors import ClientError
from protos.earthgptx.v1 import geometry_pb2, images_pb2, interpreter_pb2

if TYPE_CHECKING:
    from earthgptx_client.run_length import MaskHW

BoxXyxyPx = tuple[float, float, float, float]
Ring = tuple[tuple[float, float], ...]
# An outer ring followed by its holes.
PolygonWithHoles = tuple[Ring, ...]


@dataclass(frozen=True)
class ImageInfo:
    """An uploaded image; fields as in images.proto (`crs` "" and `gsd_m` 0 where not known)."""

    image_id: str
    width_px: int
    height_px: int
    band_count: int
    format: str
    band_dtype: str
    size_bytes: int
    crs: str
    gsd_m: float
    expires_at_ms: int
    by_window: bool = False


@dataclass(frozen=True)
class Accepted:
    """The first event. `window_xys_px`: left, top and side of the square the model looks at."""

    run_id: str
    window_xys_px: tuple[float, float, float]
    band_note: str


@dataclass(frozen=True)
class Text:
    """Words since the last event."""

    text: str


@dataclass(frozen=True)
class GroundedBoxes:
    """Boxes the answer gave for a phrase, in pixels of the full image.

    Attributes:
        scores: how sure the model is of each, 0..1, the surest first; empty for boxes in words.
    """

    phrase: str
    boxes_xyxy_px: tuple[BoxXyxyPx, ...]
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class GroundedMask:
    """A mask of the full image.

    Attributes:
        index: number of the mask in the answer, or of the region, from 0.
        score: the decoder's own estimate of the IoU with the truth, 0..1.
        box_xyxy_px: None if the mask is empty.
        polygons_px: outlines in pixels of the full image.
        polygons_lonlat: the same in WGS 84 degrees; empty if the image is not georeferenced.
    """

    phrase: str
    index: int
    height_px: int
    width_px: int
    counts: str
    score: float
    box_xyxy_px: BoxXyxyPx | None
    area_px: int
    polygons_px: tuple[PolygonWithHoles, ...]
    polygons_lonlat: tuple[PolygonWithHoles, ...]

    def to_array(self) -> MaskHW:
        """The mask as bool [H, W] (needs numpy)."""
        return run_length.decode(self.height_px, self.width_px, self.counts)


@dataclass(frozen=True)
class Usage:
    """What the answer cost; `duration_s` from acceptance to the end."""

    prompt_tokens: int
    new_tokens: int
    image_from_cache: bool
    duration_s: float


@dataclass(frozen=True)
class Failure:
    """Why an accepted request did not succeed.

    Attributes:
        field, limit: what was wrong and by which limit; None for none.
    """

    code: str
    message: str
    retryable: bool
    field: str | None = None
    limit: str | None = None

    def as_error(self, message: str = "") -> ClientError:
        """The same as an error, with this message or its own."""
        return ClientError(
            self.code,
            message or self.message,
            field=self.field,
            limit=self.limit,
            retryable=self.retryable,
        )


@dataclass(frozen=True)
class Finished:
    """The last event. `state`: "succeeded", "failed" or "cancelled"."""

    state: str
    answer: str
    raw_answer: str
    usage: Usage
    failure: Failure | None
    truncated: bool


Event = Accepted | Text | GroundedBoxes | GroundedMask | Finished


def image_info(message: images_pb2.ImageInfo) -> ImageInfo:
    """The message as a plain value."""
    return ImageInfo(
        image_id=message.image_id,
        width_px=message.width_px,
        height_px=message.height_px,
        band_count=message.band_count,
        format=message.format,
        band_dtype=message.band_dtype,
        size_bytes=message.size_bytes,
        crs=message.crs,
        gsd_m=message.gsd_m,
        expires_at_ms=message.expires_at_ms,
        by_window=message.by_window,
    )


def event_of(response: interpreter_pb2.InterpretResponse) -> Event | None:
    """The message as a plain value; None for a kind this release does not know."""
    match response.WhichOneof("event"):
        case "accepted":
            window = response.accepted.window
            return Accepted(
                response.accepted.run_id,
                (window.x0_px, window.y0_px, window.side_px),
                response.accepted.band_note,
            )
        case "text":
            return Text(response.text.text)
        case "boxes":
            boxes = tuple(_box(box) for box in response.boxes.boxes)
            return GroundedBoxes(response.boxes.phrase, boxes, tuple(response.boxes.scores))
        case "mask":
            return _mask(response.mask)
        case "finished":
            return _finished(response.finished)
    return None


def _box(box: geometry_pb2.Box) -> BoxXyxyPx:
    return (box.x0_px, box.y0_px, box.x1_px, box.y1_px)


def _mask(message: interpreter_pb2.GroundedMask) -> GroundedMask:
    return GroundedMask(
        phrase=message.phrase,
        index=message.index,
        height_px=message.mask.height_px,
        width_px=message.mask.width_px,
        counts=message.mask.counts,
        score=message.score,
        box_xyxy_px=_box(message.box) if message.HasField("box") else None,
        area_px=message.area_px,
        polygons_px=tuple(_polygon(polygon) for polygon in message.polygons_px),
        polygons_lonlat=tuple(_polygon(polygon) for polygon in message.polygons_lonlat),
    )


def _polygon(message: interpreter_pb2.PolygonWithHoles) -> PolygonWithHoles:
    rings = (message.outer, *message.holes)
    return tuple(tuple((at.x, at.y) for at in ring.positions) for ring in rings)


def _finished(message: interpreter_pb2.Finished) -> Finished:
    states = {
        interpreter_pb2.TERMINAL_STATE_SUCCEEDED: "succeeded",
        interpreter_pb2.TERMINAL_STATE_CANCELLED: "cancelled",
    }
    usage, failure = message.usage, message.failure
    return Finished(
        state=states.get(message.state, "failed"),
        answer=message.answer,
        raw_answer=message.raw_answer,
        usage=Usage(
            usage.prompt_tokens, usage.new_tokens, usage.image_from_cache, usage.duration_s
        ),
        failure=(
            Failure(failure.code, failure.message, failure.retryable)
            if message.HasField("failure")
            else None
        ),
        truncated=message.truncated,
    )
