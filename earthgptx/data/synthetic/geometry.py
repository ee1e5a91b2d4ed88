"""Outlines in design units, and the pose that puts them into the scene.

Design units: a scene is always 256 x 256 units, whatever its size in pixels. x right, y down.
N = points; every outline is float64 [N, 2].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
PointLike = tuple[float, float]
EXTENT = 256.0


class Pose(NamedTuple):
    """Where a thing stands: centre and heading (radians, from +x towards +y)."""

    x: float
    y: float
    angle: float = 0.0

    def at(self, points: Points | Sequence[PointLike], scale: float = 1.0) -> Points:
        """Local points (x forward, y to the right) in scene coordinates."""
        local = np.asarray(points, np.float64) * scale
        c, s = math.cos(self.angle), math.sin(self.angle)
        out = np.empty_like(local)
        out[:, 0] = local[:, 0] * c - local[:, 1] * s + self.x
        out[:, 1] = local[:, 0] * s + local[:, 1] * c + self.y
        return out

    def child(self, dx: float, dy: float, turn: float = 0.0) -> Pose:
        """The pose at local (dx, dy), turned by ``turn``."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        return Pose(self.x + dx * c - dy * s, self.y + dx * s + dy * c, self.angle + turn)


def rect(length: float, width: float, x: float = 0.0, y: float = 0.0) -> Points:
    """Rectangle centred at (x, y), ``length`` along x."""
    a, b = length / 2, width / 2
    return np.array(((x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)))


@lru_cache(64)
def _circle(n: int) -> Points:
    turn = np.linspace(0, 2 * math.pi, n, endpoint=False)
    return np.stack((np.cos(turn), np.sin(turn)), axis=1)


def ellipse(a: float, b: float, x: float = 0.0, y: float = 0.0, n: int = 28) -> Points:
    """Ellipse with half axes ``a`` (along x) and ``b``."""
    return _circle(n) * (a, b) + (x, y)


def arc(radius: float, start: float, end: float, n: int = 14) -> Points:
    """Points on a circle about the origin from ``start`` to ``end`` radians."""
    turn = np.linspace(start, end, n)
    return np.stack((np.cos(turn), np.sin(turn)), axis=1) * radius


def moved(points: Points, dx: float, dy: float) -> Points:
    """``points`` shifted by (dx, dy)."""
    return np.asarray(points + np.array((dx, dy)), np.float64)


def oval(length: float, width: float) -> Points:
    """Two straights and two half circles, ``length`` over all along x."""
    r = width / 2
    half = max(0.0, length / 2 - r)
    right = moved(arc(r, -math.pi / 2, math.pi / 2), half, 0)
    left = moved(arc(r, math.pi / 2, 3 * math.pi / 2), -half, 0)
    return np.concatenate((right, left))


def rounded(length: float, width: float, radius: float) -> Points:
    """Rectangle about the origin with round corners."""
    a, b = length / 2 - radius, width / 2 - radius
    corners = ((a, b, 0), (-a, b, 1), (-a, -b, 2), (a, -b, 3))
    quarter = math.pi / 2
    return np.concatenate(
        [moved(arc(radius, k * quarter, (k + 1) * quarter, 4), x, y) for x, y, k in corners]
    )


def strip(path: Points | Sequence[PointLike], width: float) -> Points:
    """The outline of a band of ``width`` along ``path``."""
    p = np.asarray(path, np.float64)
    along = np.gradient(p, axis=0) if len(p) > 2 else np.repeat(p[1:] - p[:1], 2, axis=0)
    norm = np.hypot(along[:, 0], along[:, 1])[:, None]
    side = np.stack((-along[:, 1], along[:, 0]), axis=1) / np.maximum(norm, 1e-9) * (width / 2)
    return np.concatenate((p + side, (p - side)[::-1]))


def offset(path: Points, distance: float) -> Points:
    """``path`` moved sideways (to the right of its direction) by ``distance``."""
    return strip(path, 2 * distance)[: len(path)]


def blob(rng: Random, radius: float, wobble: float = 0.22, n: int = 26) -> Points:
    """A smooth closed outline about the origin."""
    turn = np.linspace(0, 2 * math.pi, n, endpoint=False)
    r = np.ones(n)
    for k in (2, 3, 4):
        r += wobble * rng.uniform(0.2, 1) / (k - 1) * np.sin(k * turn + rng.uniform(0, 6.3))
    return np.stack((np.cos(turn), np.sin(turn)), axis=1) * (r * radius)[:, None]


def winding(rng: Random, angle: float, bend: float, through: PointLike = (128, 128)) -> Points:
    """A path across the whole scene at ``angle`` through ``through``, bending by ``bend`` units."""
    t = np.linspace(-230, 230, 24)
    phase, period = rng.uniform(0, 6.3), rng.uniform(260, 420)
    sway = np.sin(t * 2 * math.pi / period + phase) - math.sin(phase)
    return Pose(through[0], through[1], angle).at(np.stack((t, bend * sway), axis=1))
