"""A thing found in a scene, whole, whatever number of tiles showed it."""

from __future__ import annotations

from dataclasses import dataclass

from earthgptx.imagery.masks import BoxXyxyPx
from earthgptx.scenes.pieces import Shape


@dataclass(frozen=True)
class SceneObject:
    """One thing.

    Attributes:
        number: from 1, by the top, then the left edge of its box.
        label: its class.
        score: 0 to 1, the best of the tiles that show it.
        caption: what was said of it where most of it was seen; may be empty.
        shape_px: exact outline (along the edges of pixels), or box, in pixels of the scene.
        is_mask: False where only a box is known.
        area_m2: geodesic; None where the ground is not known.
        tile_count: tiles that show it.
    """

    number: int
    label: str
    score: float
    caption: str
    shape_px: Shape
    is_mask: bool
    area_m2: float | None
    tile_count: int

    @property
    def box_xyxy_px(self) -> BoxXyxyPx:
        """Its extent."""
        x0, y0, x1, y1 = self.shape_px.bounds
        return (x0, y0, x1, y1)

    @property
    def area_px(self) -> float:
        """Pixels inside the outline, or the box."""
        return float(self.shape_px.area)
