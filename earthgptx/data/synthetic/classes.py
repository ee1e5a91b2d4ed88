"""The words of the generator: labels, scenes, and how big each class really is."""

from __future__ import annotations

from typing import Final

LABELS: Final[tuple[str, ...]] = (
    "airplane",
    "airport",
    "baseball field",
    "basketball court",
    "bridge",
    "chimney",
    "dam",
    "expressway service area",
    "expressway toll station",
    "golf course",
    "ground track field",
    "harbor",
    "overpass",
    "ship",
    "stadium",
    "storage tank",
    "tennis court",
    "train station",
    "vehicle",
    "windmill",
)
"""The 20 classes of DIOR (Li et al. 2020, table 1), in words."""

STUFF_LABELS: Final[tuple[str, ...]] = ("road", "building", "water", "forest", "field")

REGION_LABELS: Final[frozenset[str]] = frozenset(
    {"airport", "bridge", "dam", "golf course", "harbor", "overpass", "train station"}
)
"""Classes that may run out of the frame and still be truth: the part in view shows what it is."""

SURFACES: Final[frozenset[str]] = frozenset(
    {"airport", "bridge", "overpass", "dam", "expressway toll station"}
)
"""Other objects stand *on* these."""

ENCLOSURES: Final[frozenset[str]] = frozenset(
    {"expressway service area", "harbor", "golf course", "stadium", "train station"}
)
"""Other objects lie *inside* these."""

TYPICAL_LENGTH_M: Final[dict[str, float]] = {
    "airplane": 38.0,
    "baseball field": 110.0,
    "basketball court": 28.0,
    "chimney": 60.0,
    "golf course": 600.0,
    "ground track field": 176.0,
    "ship": 90.0,
    "stadium": 240.0,
    "storage tank": 40.0,
    "tennis court": 36.0,
    "vehicle": 4.6,
    "windmill": 110.0,
    "road": 24.0,
}
"""Longest side in metres of a usual one (a road: its width); fixes a scene's ground sampling."""

SIZE_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "airplane": (0.117, 0.170),
    "airport": (0.827, 0.997),
    "baseball field": (0.240, 0.277),
    "basketball court": (0.150, 0.180),
    "bridge": (0.224, 0.288),
    "chimney": (0.149, 0.183),
    "dam": (0.355, 0.430),
    "expressway service area": (0.511, 0.562),
    "expressway toll station": (0.435, 0.514),
    "golf course": (0.783, 0.890),
    "ground track field": (0.342, 0.453),
    "harbor": (0.726, 0.810),
    "overpass": (0.426, 0.634),
    "ship": (0.076, 0.109),
    "stadium": (0.526, 0.584),
    "storage tank": (0.105, 0.141),
    "tennis court": (0.156, 0.180),
    "train station": (0.675, 0.769),
    "vehicle": (0.052, 0.060),
    "windmill": (0.187, 0.220),
}
"""Per class: below the first small, above the second large; square root of the box's area over the
image side. Thirds of the boxes of seeds 0-2999."""
