"""A site: the canvas of one scene together with what the layouts need to fill it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from earthgptx.data.synthetic.canvas import Canvas
from earthgptx.data.synthetic.classes import TYPICAL_LENGTH_M
from earthgptx.data.synthetic.conditions import Conditions
from earthgptx.data.synthetic.geometry import EXTENT, Pose


@dataclass
class Site:
    """What a layout draws on.

    Attributes:
        gsd_m: metres per design unit, once ``set_scale`` was called.
        taken: circles (x, y, radius) that later things keep out of.
    """

    canvas: Canvas
    rng: Random
    conditions: Conditions
    gsd_m: float | None = None
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def set_scale(self, label: str, length: float) -> None:
        """Fix the ground sampling: a usual ``label`` is ``length`` units long here."""
        self.gsd_m = TYPICAL_LENGTH_M[label] / length

    def claim(self, x: float, y: float, radius: float) -> None:
        """Keep later things out of a circle."""
        self.taken.append((x, y, radius))

    def is_free(self, x: float, y: float, radius: float) -> bool:
        """Whether a circle meets nothing claimed."""
        return all(math.hypot(x - a, y - b) >= radius + r for a, b, r in self.taken)

    def spot(self, radius: float, margin: float | None = None, tries: int = 30) -> Pose | None:
        """A free place for a circle, claimed, with a random heading; None where all is full."""
        keep = min(EXTENT / 2 - 1, radius * 0.9 if margin is None else margin)
        for _ in range(tries):
            x, y = self.rng.uniform(keep, EXTENT - keep), self.rng.uniform(keep, EXTENT - keep)
            if self.is_free(x, y, radius):
                self.claim(x, y, radius)
                return Pose(x, y, self.rng.uniform(-math.pi, math.pi))
        return None
