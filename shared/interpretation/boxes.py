"""Boxes of the model's answer: normalised to its window, in pixels of the full image, and sent."""

from __future__ import annotations

from collections.abc import Iterable

from protos.earthgptx.v1.geometry_pb2 import Box, Window
from shared.interpretation.markup import UnitBox

BoxPx = tuple[float, float, float, float]

# The model writes two decimals: a thing thinner than that has equal ends, and gets half a step each
# side.
HALF_STEP = 0.005


def box_message(box_xyxy_px: BoxPx) -> Box:
    """The box as it travels."""
    x0, y0, x1, y1 = box_xyxy_px
    return Box(x0_px=x0, y0_px=y0, x1_px=x1, y1_px=y1)


def boxes_in_image(
    boxes_unit: Iterable[UnitBox], window: Window, width_px: int, height_px: int
) -> tuple[BoxPx, ...]:
    """Boxes in pixels of the full image, clipped to it; what lies outside it is left out.

    Corners in the wrong order are put right, coordinates beyond 0..1 are clipped.
    """
    placed = (_in_image(box, window, width_px, height_px) for box in boxes_unit)
    return tuple(box for box in placed if box is not None)


def _in_image(box: UnitBox, window: Window, width_px: int, height_px: int) -> BoxPx | None:
    x0, x1 = _span(box[0], box[2], window.x0_px, window.side_px, width_px)
    y0, y1 = _span(box[1], box[3], window.y0_px, window.side_px, height_px)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _span(
    a: float, b: float, origin_px: float, side_px: float, limit_px: int
) -> tuple[float, float]:
    low, high = sorted((min(max(a, 0.0), 1.0), min(max(b, 0.0), 1.0)))
    if low == high:
        low, high = low - HALF_STEP, high + HALF_STEP
    first_px, last_px = origin_px + low * side_px, origin_px + high * side_px
    return min(max(first_px, 0.0), limit_px), min(max(last_px, 0.0), limit_px)
