"""Light, weather and sensor of one scene, drawn once and shared by the three renderings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Conditions:
    """How the scene is lit and seen.

    Attributes:
        sun_angle: direction shadows fall, radians from +x towards +y.
        shadow_ratio: shadow length over height.
        gain: brightness of the optical image.
        warmth: red over blue balance, around 1.
        haze: 0 (clear) to about 0.2.
        blur_px: optical point spread, standard deviation.
        saturation: of the optical colours, 1 = as painted.
        contrast: of the infrared image.
        look: 0-3, which image side the radar illuminates from (left, top, right, bottom).
        looks: averaged by the radar; fewer means stronger speckle.
        sea_echo: radar brightness of water, 1 = calm.
        compression: exponent that maps radar amplitude to grey.
        night: infrared taken at night.
        inverted: infrared shown black-hot.
    """

    sun_angle: float
    shadow_ratio: float
    gain: float
    warmth: float
    haze: float
    blur_px: float
    saturation: float
    contrast: float
    look: int
    looks: int
    sea_echo: float
    compression: float
    night: bool
    inverted: bool


def draw_conditions(rng: Random) -> Conditions:
    """Conditions drawn from their usual ranges."""
    return Conditions(
        sun_angle=rng.uniform(-math.pi, math.pi),
        shadow_ratio=rng.uniform(0.5, 1.5),
        gain=rng.uniform(0.86, 1.08),
        warmth=rng.uniform(0.95, 1.05),
        haze=max(0.0, rng.uniform(-0.08, 0.12)),
        blur_px=rng.uniform(0.3, 0.75),
        saturation=rng.uniform(0.8, 1.08),
        contrast=rng.uniform(0.75, 1.1),
        look=rng.randrange(4),
        looks=rng.choice((2, 3, 4, 6)),
        sea_echo=rng.choice((1.0, 1.0, rng.uniform(1.0, 2.6))),
        compression=rng.uniform(0.54, 0.74),
        night=rng.random() < 0.35,
        inverted=rng.random() < 0.12,
    )
