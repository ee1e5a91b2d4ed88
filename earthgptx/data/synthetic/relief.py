"""Shadows of raised things, found from the height plane alone. H, W = image sides in pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.data.synthetic.canvas import HEIGHT_STEP

PlaneU8 = npt.NDArray[np.uint8]


def shifted(plane_HW: PlaneU8, dx: int, dy: int) -> PlaneU8:
    """``plane_HW`` moved right by ``dx`` and down by ``dy``; zeros come in."""
    h, w = plane_HW.shape
    out = np.zeros_like(plane_HW)
    if abs(dx) < w and abs(dy) < h:
        out[max(0, dy) : h + min(0, dy), max(0, dx) : w + min(0, dx)] = plane_HW[
            max(0, -dy) : h + min(0, -dy), max(0, -dx) : w + min(0, -dx)
        ]
    return out


def lowered(plane_HW: PlaneU8, by: int) -> PlaneU8:
    """``plane_HW`` minus ``by``, not below zero."""
    drop = np.array([min(by, 255), 0, 0, 0], np.float64)
    return np.asarray(cv2.subtract(plane_HW, drop), np.uint8)


def shadow_mask(height_HW: PlaneU8, angle: float, ratio: float) -> PlaneU8:
    """255 where something higher stands in the way of light falling along ``angle``.

    The reach doubles each round, so a shadow of 64 px costs seven shifts.

    Args:
        height_HW: heights in HEIGHT_STEP pixels.
        angle: direction in which shadows fall, radians from +x towards +y.
        ratio: shadow length over height.
    """
    top = int(height_HW.max())
    if top == 0:
        return np.zeros_like(height_HW)
    reach_px = max(1.0, top * HEIGHT_STEP * ratio)
    fall_per_px = 1.0 / (ratio * HEIGHT_STEP)
    step_x, step_y = math.cos(angle), math.sin(angle)

    def carried(plane: PlaneU8, steps: int) -> PlaneU8:
        moved = shifted(plane, round(step_x * steps), round(step_y * steps))
        return lowered(moved, max(1, round(fall_per_px * steps)))

    roof_HW = carried(height_HW, 1)
    steps = 1
    while steps < reach_px:
        roof_HW = np.asarray(cv2.max(roof_HW, carried(roof_HW, steps)), np.uint8)
        steps *= 2
    return np.asarray(cv2.compare(roof_HW, height_HW, cv2.CMP_GT), np.uint8)
