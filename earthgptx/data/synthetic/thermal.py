"""The infrared rendering: temperatures by material, sun and shade, engines, sensor blur and noise.

H, W = image sides in pixels.
"""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from earthgptx.data.labelled_image import PixelsHWC
from earthgptx.data.synthetic.canvas import NO_HEAT, Canvas
from earthgptx.data.synthetic.conditions import Conditions
from earthgptx.data.synthetic.materials import dryness, table
from earthgptx.data.synthetic.noise import crop
from earthgptx.data.synthetic.optical import smoke, sunlit

SHADE_COOLING = 34.0
ALBEDO_COOLING = 0.36


def render_infrared(canvas: Canvas, conditions: Conditions, rng: Random) -> PixelsHWC:
    """uint8 [H, W, 1]; brighter is hotter unless the conditions are inverted."""
    size = canvas.size_px
    material_HW = np.ascontiguousarray(canvas.solid[..., 0])
    heat_HW = canvas.solid[..., 2].astype(np.float32) - np.float32(NO_HEAT)
    warm_HW = cv2.LUT(material_HW, table("night" if conditions.night else "day")) + heat_HW
    luma_HW = cv2.cvtColor(canvas.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    albedo = ALBEDO_COOLING * (0.25 if conditions.night else 1.0)
    warm_HW += cv2.LUT(material_HW, dryness()) * ((np.float32(110.0) - luma_HW) * albedo)
    if not conditions.night:
        warm_HW -= SHADE_COOLING * (1.0 - sunlit(canvas, conditions))
    texture_HW = cv2.LUT(material_HW, table("coarse")) * 34.0
    warm_HW += texture_HW * crop(rng, "coarse", size) + 2.5 * crop(rng, "cloud", size)
    canopy_HW = cv2.LUT(material_HW, table("canopy"))
    if canopy_HW.any():
        warm_HW += canopy_HW * (22.0 * crop(rng, "canopy", size))
    hidden_HW = smoke(canvas, rng)
    if hidden_HW is not None:
        warm_HW += hidden_HW * 34.0
    warm_HW = cv2.GaussianBlur(warm_HW, (0, 0), 0.55 + conditions.blur_px * 0.6)
    low, high = np.percentile(warm_HW[::4, ::4], (0.5, 99.8))
    span = max(40.0, float(high - low))
    shown_HW = (warm_HW - (low + high - span) / 2) * (225.0 / span) + 15.0
    shown_HW = 127.5 + (shown_HW - 127.5) * conditions.contrast
    if conditions.inverted:
        shown_HW = 255.0 - shown_HW
    shown_HW = shown_HW + 3.0 * crop(rng, "fine", size)
    return np.asarray(np.clip(shown_HW, 0, 255), np.uint8)[..., None]
