"""What the ground is made of, and how each sensor sees it.

A canvas stores one material id per pixel; the renderers look appearance up in these tables.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TableF32 = npt.NDArray[np.float32]


class Material(IntEnum):
    """Ids in the canvas' material plane."""

    GRASS = 0
    CROP = 1
    SOIL = 2
    SAND = 3
    FOREST = 4
    TREE = 5
    WATER = 6
    POOL = 7
    ROAD = 8
    ASPHALT = 9
    CONCRETE = 10
    ROOF = 11
    METAL = 12
    HULL = 13
    TANK = 14
    COURT = 15
    FENCE = 16
    TRACK = 17
    TURF = 18
    STANDS = 19
    BALLAST = 20
    RAIL = 21
    DECK = 22
    GLASS = 23
    MASONRY = 24
    HOT = 25
    ROCK = 26


class Appearance(NamedTuple):
    """How a material looks.

    Texture amplitudes are fractions of brightness; radar is amplitude (1 = strong);
    temperatures are in display units, 0 (coldest) to 255.
    """

    fine: float
    coarse: float
    canopy: float
    wave: float
    radar: float
    radar_texture: float
    day: float
    night: float


APPEARANCE: dict[Material, Appearance] = {
    #                             fine coarse canopy wave radar tex   day night
    Material.GRASS: Appearance(0.10, 0.12, 0.00, 0.0, 0.30, 0.30, 108, 92),
    Material.CROP: Appearance(0.08, 0.10, 0.00, 0.0, 0.34, 0.20, 100, 88),
    Material.SOIL: Appearance(0.08, 0.12, 0.00, 0.0, 0.24, 0.20, 142, 96),
    Material.SAND: Appearance(0.05, 0.10, 0.00, 0.0, 0.15, 0.30, 158, 98),
    Material.FOREST: Appearance(0.08, 0.12, 0.44, 0.0, 0.46, 0.60, 84, 104),
    Material.TREE: Appearance(0.12, 0.05, 0.30, 0.0, 0.50, 0.40, 82, 104),
    Material.WATER: Appearance(0.03, 0.10, 0.00, 0.10, 0.055, 0.35, 58, 124),
    Material.POOL: Appearance(0.02, 0.03, 0.00, 0.03, 0.040, 0.10, 62, 124),
    Material.ROAD: Appearance(0.05, 0.07, 0.00, 0.0, 0.085, 0.15, 172, 126),
    Material.ASPHALT: Appearance(0.05, 0.07, 0.00, 0.0, 0.090, 0.15, 174, 126),
    Material.CONCRETE: Appearance(0.04, 0.08, 0.00, 0.0, 0.130, 0.15, 160, 118),
    Material.ROOF: Appearance(0.05, 0.06, 0.00, 0.0, 0.42, 0.25, 168, 108),
    Material.METAL: Appearance(0.02, 0.02, 0.00, 0.0, 1.10, 0.30, 186, 70),
    Material.HULL: Appearance(0.03, 0.03, 0.00, 0.0, 1.00, 0.40, 150, 150),
    Material.TANK: Appearance(0.02, 0.03, 0.00, 0.0, 0.55, 0.20, 140, 140),
    Material.COURT: Appearance(0.03, 0.04, 0.00, 0.0, 0.060, 0.10, 164, 122),
    Material.FENCE: Appearance(0.03, 0.03, 0.00, 0.0, 0.85, 0.20, 150, 84),
    Material.TRACK: Appearance(0.03, 0.04, 0.00, 0.0, 0.055, 0.10, 188, 128),
    Material.TURF: Appearance(0.06, 0.08, 0.00, 0.0, 0.155, 0.15, 96, 80),
    Material.STANDS: Appearance(0.10, 0.05, 0.00, 0.0, 0.70, 0.35, 176, 116),
    Material.BALLAST: Appearance(0.12, 0.08, 0.00, 0.0, 0.26, 0.25, 168, 108),
    Material.RAIL: Appearance(0.03, 0.03, 0.00, 0.0, 0.90, 0.20, 196, 84),
    Material.DECK: Appearance(0.04, 0.05, 0.00, 0.0, 0.48, 0.20, 166, 100),
    Material.GLASS: Appearance(0.02, 0.02, 0.00, 0.0, 0.70, 0.10, 150, 84),
    Material.MASONRY: Appearance(0.05, 0.06, 0.00, 0.0, 0.80, 0.20, 166, 122),
    Material.HOT: Appearance(0.03, 0.03, 0.00, 0.0, 0.80, 0.20, 250, 245),
    Material.ROCK: Appearance(0.16, 0.16, 0.00, 0.0, 0.40, 0.40, 138, 104),
}

MAN_MADE: frozenset[Material] = frozenset(Material) - {
    Material.GRASS,
    Material.CROP,
    Material.FOREST,
    Material.TREE,
    Material.WATER,
    Material.POOL,
}
"""Dry surfaces: in daylight the darker they are the hotter."""

STUFF_OF_MATERIAL: dict[str, Material] = {
    "road": Material.ROAD,
    "building": Material.ROOF,
    "water": Material.WATER,
    "forest": Material.FOREST,
    "field": Material.CROP,
}


@cache
def table(column: str) -> TableF32:
    """One column of APPEARANCE as a 256-entry lookup table for ``cv2.LUT``."""
    values = np.zeros(256, np.float32)
    for material, appearance in APPEARANCE.items():
        values[material] = getattr(appearance, column)
    return values


@cache
def dryness() -> TableF32:
    """1 where MAN_MADE, else 0, as a 256-entry lookup table."""
    values = np.zeros(256, np.float32)
    values[[int(material) for material in MAN_MADE]] = 1.0
    return values
