"""The canvas: what is where, drawn once, before any sensor looks at it.

Planes (all uint8, H = W = size_px):
    rgb    [H, W, 3]  reflectance as a camera would see it in even light
    solid  [H, W, 4]  material id, height (in HEIGHT_STEP units), heat (128 = none), owner
    shade  [H, W]     0 where a drawn shadow lies (tall thin things), else 255
    plume  [H, W]     how much smoke hides the ground
Coordinates given to the drawing methods are design units (see geometry).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.data.synthetic.colours import Rgb
from earthgptx.data.synthetic.geometry import EXTENT, Points, ellipse, strip
from earthgptx.data.synthetic.materials import Material

PlaneU8 = npt.NDArray[np.uint8]
HEIGHT_STEP = 0.5
NO_HEAT = 128
_SHIFT = 4


class Paint(NamedTuple):
    """What a fill leaves behind; ``rgb`` None leaves the visible colour as it is."""

    rgb: Rgb | None
    material: Material
    height: float = 0.0
    heat: int = 0


@dataclass
class Instance:
    """One labelled thing while it is being drawn."""

    number: int
    label: str
    colour: str | None
    drawn_px: int = 0
    outlines_px: list[npt.NDArray[np.int32]] = field(default_factory=list)

    def extent_px(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of everything drawn, also outside of the frame."""
        points = np.concatenate(self.outlines_px) / (1 << _SHIFT)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


class Canvas:
    """Material, relief and ownership of a square piece of ground.

    Args:
        size_px: side of the square.
    """

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self.scale = size_px / EXTENT
        self.rgb: PlaneU8 = np.zeros((size_px, size_px, 3), np.uint8)
        self.solid: PlaneU8 = np.zeros((size_px, size_px, 4), np.uint8)
        self.solid[..., 2] = NO_HEAT
        self.shade: PlaneU8 = np.full((size_px, size_px), 255, np.uint8)
        self.plume: PlaneU8 | None = None
        self.instances: list[Instance] = []
        self._current: Instance | None = None

    @property
    def owner(self) -> PlaneU8:
        """[H, W] number of the instance seen at each pixel, 0 for none."""
        return self.solid[..., 3]

    def _pixels(self, points: Points) -> npt.NDArray[np.int32]:
        fixed = (points * self.scale - 0.5) * (1 << _SHIFT)
        return np.asarray(np.rint(fixed.clip(-2e6, 2e6)), np.int32)

    def polygon(self, points: Points, paint: Paint) -> None:
        """Fill one outline."""
        outline = self._pixels(points)
        owner = 0
        if self._current is not None:
            owner = self._current.number
            self._current.outlines_px.append(outline)
        if paint.rgb is not None:
            cv2.fillPoly(self.rgb, [outline], paint.rgb, cv2.LINE_AA, _SHIFT)
        height = min(255, round(paint.height * self.scale / HEIGHT_STEP))
        heat = max(0, min(255, NO_HEAT + paint.heat))
        cv2.fillPoly(
            self.solid, [outline], (int(paint.material), height, heat, owner), cv2.LINE_8, _SHIFT
        )

    def band(
        self, path: Points | Sequence[tuple[float, float]], width: float, paint: Paint
    ) -> None:
        """Fill a band of ``width`` along ``path``."""
        self.polygon(strip(path, width), paint)

    def disc(self, x: float, y: float, radius: float, paint: Paint) -> None:
        """Fill a circle."""
        self.polygon(ellipse(radius, radius, x, y, 16 if radius < 6 else 28), paint)

    def marking(
        self, paths: Sequence[Points], rgb: Rgb, width: float = 1.0, closed: bool = False
    ) -> None:
        """Paint thin lines on whatever lies there: visible colour only."""
        thickness = max(1, round(width * self.scale))
        lines = [self._pixels(p) for p in paths]
        cv2.polylines(self.rgb, lines, closed, rgb, thickness, cv2.LINE_AA, _SHIFT)

    def wire(
        self,
        paths: Sequence[Points],
        paint: Paint,
        width: float = 1.0,
        closed: bool = False,
    ) -> None:
        """Thin raised lines (fences, nets, rails) that also radar and infrared see."""
        thickness = max(1, round(width * self.scale))
        lines = [self._pixels(p) for p in paths]
        if paint.rgb is not None:
            cv2.polylines(self.rgb, lines, closed, paint.rgb, thickness, cv2.LINE_AA, _SHIFT)
        owner = self._current.number if self._current is not None else 0
        height = min(255, round(paint.height * self.scale / HEIGHT_STEP))
        heat = max(0, min(255, NO_HEAT + paint.heat))
        value = (int(paint.material), height, heat, owner)
        cv2.polylines(self.solid, lines, closed, value, thickness, cv2.LINE_8, _SHIFT)

    def cast(self, points: Points) -> None:
        """Lay the shadow of something tall and thin on the ground."""
        cv2.fillPoly(self.shade, [self._pixels(points)], 0, cv2.LINE_AA, _SHIFT)

    def smoke(self, points: Points, density: int) -> None:
        """Add a puff of smoke; ``density`` 0-255."""
        if self.plume is None:
            self.plume = np.zeros((self.size_px, self.size_px), np.uint8)
        cv2.fillPoly(self.plume, [self._pixels(points)], density, cv2.LINE_AA, _SHIFT)

    @contextmanager
    def instance(self, label: str, colour: str | None = None) -> Iterator[Instance]:
        """Everything drawn inside belongs to one labelled object.

        Raises:
            ValueError: more than 255 instances, or one opened inside another.
        """
        if self._current is not None or len(self.instances) >= 255:
            raise ValueError("instances: at most 255, and not one inside another")
        made = Instance(len(self.instances) + 1, label, colour)
        self._current = made
        try:
            yield made
        finally:
            self._current = None
        made.drawn_px = int(np.count_nonzero(self.owner == made.number))
        self.instances.append(made)
