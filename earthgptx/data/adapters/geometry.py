"""Boxes and corners, from the spellings of the datasets to pixels of the image.

Frames: origin at the top left corner of the image, x right, y down; (x1, y1) exclusive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from earthgptx.data.labelled_image import BoxXyxyPx

CornersXyPx = tuple[tuple[float, float], ...]


def box_in_image(corners: Sequence[float], width_px: int, height_px: int) -> BoxXyxyPx:
    """(x0, y0, x1, y1) cut at the image's border: annotators draw a little past it.

    Raises:
        ValueError: not four finite numbers, without area, or wholly outside the image.
    """
    if len(corners) != 4 or not all(math.isfinite(value) for value in corners):
        raise ValueError(f"box {list(corners)} is not four finite numbers")
    x0, y0, x1, y1 = (float(value) for value in corners)
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f"box {list(corners)} has no area")
    if x0 >= width_px or y0 >= height_px or x1 <= 0 or y1 <= 0:
        raise ValueError(f"box {list(corners)} lies outside the image of {width_px}x{height_px} px")
    return (max(x0, 0.0), max(y0, 0.0), min(x1, float(width_px)), min(y1, float(height_px)))


def box_around(corners_xy_px: CornersXyPx, width_px: int, height_px: int) -> BoxXyxyPx:
    """The upright box around corners that may lie outside the image, cut at its border.

    Raises:
        ValueError: as ``box_in_image``.
    """
    xs, ys = zip(*corners_xy_px, strict=True)
    return box_in_image((min(xs), min(ys), max(xs), max(ys)), width_px, height_px)


def paired(flat: Sequence[float]) -> CornersXyPx:
    """x0, y0, x1, y1, ... as corners.

    Raises:
        ValueError: fewer than three corners, or an odd number of coordinates.
    """
    if len(flat) < 6 or len(flat) % 2:
        raise ValueError(f"{len(flat)} coordinates are no polygon")
    return tuple((float(x), float(y)) for x, y in zip(flat[::2], flat[1::2], strict=True))


def rotated_corners(
    centre_xy_px: tuple[float, float], width_px: float, height_px: float, clockwise_rad: float
) -> CornersXyPx:
    """Corners of a box turned about its centre, clockwise as seen (y points down)."""
    x, y = centre_xy_px
    cosine, sine = math.cos(clockwise_rad), math.sin(clockwise_rad)
    halves = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return tuple(
        (
            x + (i * width_px * cosine - j * height_px * sine) / 2,
            y + (i * width_px * sine + j * height_px * cosine) / 2,
        )
        for i, j in halves
    )
