"""Colour words: paints that match them, and the word for a measured colour."""

from __future__ import annotations

import colorsys
from random import Random
from typing import Final

Rgb = tuple[int, int, int]

PALETTE: Final[dict[str, tuple[Rgb, ...]]] = {
    "white": ((238, 238, 236), (228, 230, 232)),
    "grey": ((140, 141, 143), (152, 150, 148), (126, 129, 132)),
    "black": ((34, 34, 36), (40, 38, 38)),
    "red": ((196, 38, 38), (178, 30, 36), (208, 52, 44)),
    "blue": ((44, 88, 190), (36, 70, 168), (66, 118, 204)),
    "green": ((52, 138, 66), (44, 120, 74), (70, 150, 62)),
    "yellow": ((232, 204, 48), (224, 190, 40)),
    "orange": ((234, 128, 34), (226, 116, 30)),
    "brown": ((120, 78, 48), (108, 70, 44)),
}


def shade(rgb: Rgb, factor: float) -> Rgb:
    """``rgb`` times ``factor``, clipped to 0-255."""
    return (
        max(0, min(255, int(rgb[0] * factor))),
        max(0, min(255, int(rgb[1] * factor))),
        max(0, min(255, int(rgb[2] * factor))),
    )


def mixed(a: Rgb, b: Rgb, share: float) -> Rgb:
    """``a`` with ``share`` of ``b`` in it."""
    r, g, b_ = (round(u + (v - u) * share) for u, v in zip(a, b, strict=True))
    return (r, g, b_)


def jitter(rng: Random, rgb: Rgb, amount: int = 8) -> Rgb:
    """``rgb`` made lighter or darker, and slightly off in each channel."""
    lift = rng.randint(-amount, amount)
    tint = max(1, amount // 3)
    r, g, b = (max(0, min(255, v + lift + rng.randint(-tint, tint))) for v in rgb)
    return (r, g, b)


def paint_for(rng: Random, word: str) -> Rgb:
    """A paint that a person would call ``word``."""
    return jitter(rng, rng.choice(PALETTE[word]), 6)


def colour_word(rgb: tuple[float, float, float]) -> str:
    """The palette word nearest to a measured colour; ``rgb`` channels are 0-255."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(max(0.0, min(1.0, c / 255)) for c in rgb))
    degrees = hue * 360
    if value < 0.24:
        return "black"
    if saturation < 0.20:
        return "white" if value > 0.68 else "grey"
    if degrees < 14 or degrees >= 335:
        return "red"
    if degrees < 42:
        return "orange" if value > 0.56 and saturation > 0.55 else "brown"
    if degrees < 68:
        return "yellow"
    return "green" if degrees < 175 else "blue"
