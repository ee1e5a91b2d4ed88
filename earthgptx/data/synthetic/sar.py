"""The radar rendering: backscatter, bright near edges, radar shadow, speckle.

H, W = image sides in pixels. Heights throw their near edge towards the sensor (layover) and hide
what lies behind them, so the same geometry looks as a side-looking radar would show it.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

import cv2
import numpy as np

from earthgptx.data.labelled_image import PixelsHWC
from earthgptx.data.synthetic.canvas import HEIGHT_STEP, Canvas
from earthgptx.data.synthetic.conditions import Conditions
from earthgptx.data.synthetic.materials import Material, table
from earthgptx.data.synthetic.noise import PlaneF32, crop
from earthgptx.data.synthetic.relief import PlaneU8, lowered, shadow_mask, shifted

AWAY: Final[tuple[tuple[int, int], ...]] = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Unit step away from the sensor for each look side."""
SHADOW_RATIO: Final = 1.0
FLOOR: Final = 0.015


def _near_edges(height_HW: PlaneU8, look: int) -> PlaneF32:
    """Brightness added where walls face the sensor, spread towards it by their height."""
    ax, ay = AWAY[look]
    before_HW = shifted(height_HW, ax, ay)
    wall_HW = np.asarray(cv2.subtract(height_HW, before_HW), np.uint8)
    bright_HW = wall_HW
    for step in (1, 2, 3):
        reach = math.ceil(2 * step / HEIGHT_STEP)
        spread_HW = shifted(lowered(wall_HW, reach), -ax * step, -ay * step)
        bright_HW = np.asarray(cv2.max(bright_HW, spread_HW), np.uint8)
    return np.asarray(np.minimum(bright_HW.astype(np.float32) * np.float32(0.09), 1.3), np.float32)


def render_sar(canvas: Canvas, conditions: Conditions, rng: Random) -> PixelsHWC:
    """uint8 [H, W, 1], amplitude on a compressed display scale."""
    size = canvas.size_px
    material_HW = np.ascontiguousarray(canvas.solid[..., 0])
    height_HW = np.ascontiguousarray(canvas.solid[..., 1])
    texture_HW = cv2.LUT(material_HW, table("radar_texture"))
    canopy_HW = cv2.LUT(material_HW, table("canopy"))
    roughness_HW = 1.0 + texture_HW * (
        0.5 * crop(rng, "medium", size) + 0.4 * crop(rng, "coarse", size)
    )
    if canopy_HW.any():
        roughness_HW += canopy_HW * (0.8 * crop(rng, "canopy", size))
    radar = table("radar").copy()
    radar[[int(Material.WATER), int(Material.POOL)]] *= conditions.sea_echo
    echo_HW = cv2.LUT(material_HW, radar) * np.clip(roughness_HW, 0.25, 2.5)
    ax, ay = AWAY[conditions.look]
    hidden_HW = shadow_mask(height_HW, math.atan2(ay, ax), SHADOW_RATIO)
    echo_HW[hidden_HW > 0] *= 0.12
    echo_HW += _near_edges(height_HW, conditions.look)
    echo_HW = cv2.GaussianBlur(echo_HW, (0, 0), 0.5)
    echo_HW = (echo_HW + FLOOR) * crop(rng, f"speckle{conditions.looks}", size)
    echo_HW = np.clip(echo_HW * (conditions.gain * 0.71), 0, 1)
    shown_HW = np.power(echo_HW, conditions.compression) * 255.0
    return np.asarray(shown_HW, np.uint8)[..., None]
