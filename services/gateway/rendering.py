"""Events as public messages: the same for both executors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from earthgptx.imagery.georeference import polygons_to_lonlat
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.masks import MaskHW, decode_rle
from earthgptx.imagery.polygons import DEFAULT_TOLERANCE_PX, mask_to_polygons
from earthgptx.imagery.rings import PolygonWithHoles
from protos.earthgptx.v1 import geometry_pb2, images_pb2, interpreter_pb2
from protos.earthgptx.v1.interpreter_pb2 import InterpretResponse
from shared.image_records import ImageRecord, KeptImage
from shared.interpretation.boxes import box_message
from shared.interpretation.events import (
    BoxesFound,
    Ended,
    Event,
    Fault,
    ImageSeen,
    MaskDrawn,
    TextSaid,
)
from shared.interpretation.plan import Plan
from shared.worker_pool import WorkerPool

# Twice 22 bytes a position (pixels and degrees) must fit a message beside the mask itself.
MAX_POSITIONS = 120_000
TOLERANCES_PX = (DEFAULT_TOLERANCE_PX, 4.0, 8.0)

_STATES = {
    "succeeded": interpreter_pb2.TERMINAL_STATE_SUCCEEDED,
    "failed": interpreter_pb2.TERMINAL_STATE_FAILED,
    "cancelled": interpreter_pb2.TERMINAL_STATE_CANCELLED,
}


def image_info(image: KeptImage) -> images_pb2.ImageInfo:
    """What the caller is told of an image."""
    record = image.record
    return images_pb2.ImageInfo(
        image_id=image.image_id,
        width_px=record.width_px,
        height_px=record.height_px,
        band_count=record.band_count,
        format=record.format,
        band_dtype=record.band_dtype,
        size_bytes=record.size_bytes,
        crs=record.crs,
        gsd_m=record.gsd_m,
        expires_at_ms=image.ref.expires_at_ms,
        by_window=record.by_window,
    )


def accepted(plan: Plan, band_note: str) -> InterpretResponse:
    """The first message of an answer."""
    told = interpreter_pb2.Accepted(run_id=plan.run_id, window=plan.window, band_note=band_note)
    return InterpretResponse(accepted=told)


async def render(
    event: Event, plan: Plan, record: ImageRecord, outlines: WorkerPool
) -> InterpretResponse:
    """One event; outlines of masks are made on threads of `outlines`."""
    match event:
        case ImageSeen():
            return accepted(plan, event.band_note)
        case TextSaid():
            return InterpretResponse(text=interpreter_pb2.AnswerText(text=event.text))
        case BoxesFound():
            boxes = [box_message(box) for box in event.boxes_xyxy_px]
            found = interpreter_pb2.GroundedBoxes(
                phrase=event.phrase, boxes=boxes, scores=event.scores
            )
            return InterpretResponse(boxes=found)
        case MaskDrawn():
            mask = await outlines.run(grounded_mask, event, record)
            return InterpretResponse(mask=mask)
        case Ended():
            return InterpretResponse(finished=_finished(event))


def grounded_mask(
    mask: MaskDrawn, record: ImageRecord, max_positions: int = MAX_POSITIONS
) -> interpreter_pb2.GroundedMask:
    """The mask with its outlines, on the ground too if the image is georeferenced."""
    mask_HW = decode_rle(mask.height_px, mask.width_px, mask.counts)
    polygons = outlines_within(mask_HW, max_positions)
    header = ImageHeader(**record.header_fields())
    on_ground = polygons_to_lonlat(polygons, header.transform, header.crs)
    return interpreter_pb2.GroundedMask(
        phrase=mask.phrase,
        index=mask.index,
        mask=geometry_pb2.RleMask(
            height_px=mask.height_px, width_px=mask.width_px, counts=mask.counts
        ),
        score=mask.score,
        box=box_message(mask.box_xyxy_px) if mask.box_xyxy_px else None,
        area_px=mask.area_px,
        polygons_px=_polygons(polygons),
        polygons_lonlat=_polygons(on_ground),
    )


def outlines_within(mask_HW: MaskHW, max_positions: int) -> list[PolygonWithHoles]:
    """Outlines as fine as `max_positions` allow; none at all where even coarse ones have more."""
    for tolerance_px in TOLERANCES_PX:
        polygons = mask_to_polygons(mask_HW, tolerance_px)
        if sum(len(ring) for outer, holes in polygons for ring in (outer, *holes)) <= max_positions:
            return polygons
    return []


def failure_of(fault: Fault | None) -> interpreter_pb2.Failure | None:
    """Why it failed, as a message; None for what did not."""
    return interpreter_pb2.Failure(**asdict(fault)) if fault else None


def _finished(ended: Ended) -> interpreter_pb2.Finished:
    fault = ended.fault
    return interpreter_pb2.Finished(
        state=_STATES[ended.state],
        answer=ended.answer,
        raw_answer=ended.raw_answer,
        usage=interpreter_pb2.Usage(
            prompt_tokens=ended.prompt_tokens,
            new_tokens=ended.new_tokens,
            image_from_cache=ended.image_from_cache,
            duration_s=ended.duration_s,
        ),
        failure=failure_of(fault),
        truncated=ended.truncated,
    )


def _polygons(
    polygons: Iterable[PolygonWithHoles],
) -> list[interpreter_pb2.PolygonWithHoles]:
    return [
        interpreter_pb2.PolygonWithHoles(
            outer=_ring(outer.tolist()), holes=[_ring(hole.tolist()) for hole in holes]
        )
        for outer, holes in polygons
    ]


def _ring(positions: Iterable[tuple[float, float]]) -> interpreter_pb2.Ring:
    return interpreter_pb2.Ring(
        positions=[interpreter_pb2.Position(x=x, y=y) for x, y in positions]
    )
