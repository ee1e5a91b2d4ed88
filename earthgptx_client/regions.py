"""What a user can draw: each function makes one region of one mark; join marks with `Region`.

All coordinates are pixels of the full image: origin at the top left corner, x right, y down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthgptx_client import run_length
from earthgptx_client.errors import invalid_input
from protos.earthgptx.v1 import geometry_pb2

if TYPE_CHECKING:
    from earthgptx_client.run_length import MaskHW

MAX_REGIONS = 64
MAX_VERTICES = 1024
VertexXyPx = tuple[float, float]


@dataclass(frozen=True)
class Region:
    """What "<Region i>" in a question means: one thing, shown by one or more marks of any kind."""

    marks: tuple[geometry_pb2.Mark, ...]

    def to_proto(self) -> geometry_pb2.Region:
        """The region as it is sent."""
        return geometry_pb2.Region(marks=self.marks)

    def __add__(self, other: Region) -> Region:
        """One region shown by the marks of both."""
        return Region(self.marks + other.marks)


def point(x_px: float, y_px: float) -> Region:
    """A click.

    Raises:
        ClientError: a coordinate is not finite.
    """
    _check_finite((x_px, y_px), "point")
    return Region((geometry_pb2.Mark(point=geometry_pb2.Point(x_px=x_px, y_px=y_px)),))


def box(x0_px: float, y0_px: float, x1_px: float, y1_px: float) -> Region:
    """An axis-aligned box; (x1, y1) is exclusive.

    Raises:
        ClientError: a coordinate is not finite, or the box has no area.
    """
    _check_finite((x0_px, y0_px, x1_px, y1_px), "box")
    if not (x0_px < x1_px and y0_px < y1_px):
        raise invalid_input("the box has no area", "box", "x0 < x1 and y0 < y1")
    shape = geometry_pb2.Box(x0_px=x0_px, y0_px=y0_px, x1_px=x1_px, y1_px=y1_px)
    return Region((geometry_pb2.Mark(box=shape),))


def polygon(vertices_xy_px: Iterable[VertexXyPx]) -> Region:
    """A closed ring, the first vertex not repeated.

    Raises:
        ClientError: fewer than 3 or more than 1,024 vertices, or one that is not finite.
    """
    shape = geometry_pb2.Polygon(vertices=_vertices(vertices_xy_px, "polygon", at_least=3))
    return Region((geometry_pb2.Mark(polygon=shape),))


def scribble(vertices_xy_px: Iterable[VertexXyPx], width_px: float = 0.0) -> Region:
    """An open stroke drawn by hand; width 0 means 1/64 of the image's longer side.

    Raises:
        ClientError: no vertex or more than 1,024, one that is not finite, or a bad width.
    """
    _check_finite((width_px,), "scribble")
    if width_px < 0:
        raise invalid_input("the stroke's width is negative", "scribble", "at least 0 px")
    vertices = _vertices(vertices_xy_px, "scribble", at_least=1)
    shape = geometry_pb2.Scribble(vertices=vertices, width_px=width_px)
    return Region((geometry_pb2.Mark(scribble=shape),))


def mask(mask_HW: MaskHW) -> Region:
    """A binary mask [H, W] of the full image; what is not 0 is inside.

    Raises:
        ClientError: it is not two-dimensional, or nothing is inside.
    """
    if mask_HW.ndim != 2 or not mask_HW.size:
        raise invalid_input("the mask is not of shape [H, W]", "mask")
    if not mask_HW.any():
        raise invalid_input("the mask is empty: no pixel is inside", "mask")
    height_px, width_px = mask_HW.shape
    shape = geometry_pb2.RleMask(
        height_px=height_px, width_px=width_px, counts=run_length.encode(mask_HW)
    )
    return Region((geometry_pb2.Mark(mask=shape),))


def _vertices(
    vertices_xy_px: Iterable[VertexXyPx], field: str, at_least: int
) -> list[geometry_pb2.Point]:
    vertices = list(vertices_xy_px)
    if not at_least <= len(vertices) <= MAX_VERTICES:
        raise invalid_input(
            f"the {field} has {len(vertices)} vertices", field, f"{at_least} to {MAX_VERTICES:,}"
        )
    for vertex in vertices:
        _check_finite(vertex, field)
    return [geometry_pb2.Point(x_px=x_px, y_px=y_px) for x_px, y_px in vertices]


def _check_finite(values: Iterable[float], field: str) -> None:
    if not all(math.isfinite(value) for value in values):
        raise invalid_input(f"the {field} has a number that is not finite", field)
