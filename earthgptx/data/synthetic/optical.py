"""The optical rendering: reflectance, texture, shadow, haze, lens and noise.

H, W = image sides in pixels.
"""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from earthgptx.data.labelled_image import PixelsHWC
from earthgptx.data.synthetic.canvas import Canvas
from earthgptx.data.synthetic.conditions import Conditions
from earthgptx.data.synthetic.materials import table
from earthgptx.data.synthetic.noise import PlaneF32, crop
from earthgptx.data.synthetic.relief import shadow_mask

SHADOW_LIGHT = np.array((0.42, 0.46, 0.54), np.float32)
SMOKE_RGB = np.array((222.0, 222.0, 224.0), np.float32)


def sunlit(canvas: Canvas, conditions: Conditions) -> PlaneF32:
    """[H, W] 1 in the sun, 0 in the shadow, soft at the edges."""
    height_HW = np.ascontiguousarray(canvas.solid[..., 1])
    dark_HW = shadow_mask(height_HW, conditions.sun_angle, conditions.shadow_ratio)
    light_HW = cv2.min(cv2.bitwise_not(dark_HW), canvas.shade)
    return np.asarray(cv2.blur(light_HW.astype(np.float32), (2, 2)) / 255.0, np.float32)


def smoke(canvas: Canvas, rng: Random) -> PlaneF32 | None:
    """[H, W] how much the plume hides, 0-1; None where nothing smokes."""
    if canvas.plume is None:
        return None
    soft_HW = cv2.GaussianBlur(canvas.plume, (0, 0), 2.5 * canvas.scale).astype(np.float32)
    billow_HW = 1.0 + 0.25 * crop(rng, "medium", canvas.size_px)
    return np.clip(soft_HW / 255.0 * billow_HW, 0.0, 1.0).astype(np.float32)


def _texture(canvas: Canvas, rng: Random) -> PlaneF32:
    material_HW = np.ascontiguousarray(canvas.solid[..., 0])
    size = canvas.size_px
    gain_HW = 1.0 + 0.05 * crop(rng, "cloud", size)
    for column, kind in (("fine", "fine"), ("coarse", "coarse"), ("canopy", "canopy"),
                         ("wave", "wave")):  # fmt: skip
        amplitude_HW = cv2.LUT(material_HW, table(column))
        if column in ("canopy", "wave") and not amplitude_HW.any():
            continue
        gain_HW = gain_HW + amplitude_HW * crop(rng, kind, size)
    return np.asarray(gain_HW, np.float32)


def render_optical(canvas: Canvas, conditions: Conditions, rng: Random) -> PixelsHWC:
    """uint8 [H, W, 3], RGB."""
    balance = np.array((conditions.warmth, 1.0, 1 / conditions.warmth), np.float32)
    light_HW1 = sunlit(canvas, conditions)[..., None]
    texture_HW1 = np.clip(_texture(canvas, rng), 0.25, 1.9)[..., None]
    light_HW3 = SHADOW_LIGHT + (1.0 - SHADOW_LIGHT) * light_HW1
    light_HW3 *= texture_HW1 * (conditions.gain * balance)
    image_HW3 = np.asarray(canvas.rgb * light_HW3, np.float32)
    hidden_HW = smoke(canvas, rng)
    if hidden_HW is not None:
        image_HW3 += (SMOKE_RGB - image_HW3) * (0.9 * hidden_HW[..., None])
    if conditions.haze > 0:
        image_HW3 += (205.0 - image_HW3) * conditions.haze
    grey_HW1 = cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY)[..., None]
    image_HW3 = grey_HW1 + (image_HW3 - grey_HW1) * np.float32(conditions.saturation)
    image_HW3 = np.asarray(cv2.GaussianBlur(image_HW3, (0, 0), conditions.blur_px), np.float32)
    grain_HW = crop(rng, "fine", canvas.size_px) * np.float32(2.2)
    return np.asarray(np.clip(image_HW3 + grain_HW[..., None], 0, 255), np.uint8)
