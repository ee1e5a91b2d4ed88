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
        look: 0-3, which image side the radar illuminates from (left, top, right, bottom).
        night: infrared taken at night.
        inverted: infrared shown black-hot.
    """

    sun_angle: float
    shadow_ratio: float
    gain: float
    warmth: float
    haze: float
    blur_px: float
    look: int
    looks: int
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
        look=rng.randrange(4),
        looks=rng.choice((2, 3, 4, 6)),
        night=rng.random() < 0.35,
        inverted=rng.random() < 0.12,
    )
