"""Outlines with fewer vertices, for files that people open."""

from __future__ import annotations

from shapely.geometry import MultiPolygon

from earthgptx.imagery.polygons import polygons_of, simplified
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.pieces import Shape


def simpler_shape(found: SceneObject, tolerance_px: float) -> Shape:
    """A thing's outline, valid, holes kept, moved by the tolerance at most; a box as it is.

    Args:
        found: the thing.
        tolerance_px: how far the outline may move, in pixels of the scene; 0 keeps every corner.
    """
    if not found.is_mask:
        return found.shape_px
    return simpler_outline(found.shape_px, tolerance_px)


def simpler_outline(shape_px: Shape, tolerance_px: float) -> Shape:
    """An outline of pixels with fewer vertices, valid, holes kept.

    Args:
        shape_px: the outline.
        tolerance_px: how far it may move.
    """
    parts = [piece for part in polygons_of(shape_px) for piece in simplified(part, tolerance_px)]
    if len(parts) == 1:
        return parts[0]
    together = MultiPolygon(parts)
    # Parts that met at a corner may lie over each other once they are moved.
    return together if parts and together.is_valid else shape_px
