"""Looks from nearer: how large a clicked thing is shows only in its first mask.

A point says where, not how much: the window around it must do for a stadium, and in that a car is a
handful of pixels. Once a first mask is drawn, a smaller window may do (``choose_window``), and the
mask is drawn again there; that one may show the same again.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.imagery.mark_shapes import PointMark, Region
from earthgptx.imagery.masks import BoxXyxyPx, MaskHW
from earthgptx.imagery.windows import Window, choose_window

Clicks = Sequence[tuple[float, float]]

# Where a mask is less sure it is rim, and neighbours hang together by it.
SURE_LOGIT = 1.5
MOST_CLOSER_LOOKS = 2


def sure_logits(logits_hw: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Logits above 0 where the mask is sure, for its extent; as they are if it nowhere is."""
    is_sure = bool((logits_hw > SURE_LOGIT).any())
    return logits_hw - SURE_LOGIT if is_sure else logits_hw


def clicks_of(region: Region) -> tuple[tuple[float, float], ...]:
    """The points (x, y) of a region that nothing but points marks, in pixels; else none."""
    points = [(mark.x_px, mark.y_px) for mark in region.marks if isinstance(mark, PointMark)]
    return tuple(points) if len(points) == len(region.marks) else ()


def clicked_extent_xyxy_px(
    mask_HW: MaskHW, clicks: Clicks, x0_px: int = 0, y0_px: int = 0
) -> BoxXyxyPx | None:
    """The box of those connected parts of a mask that were clicked.

    Args:
        mask_HW: bool [H, W], the part of the image's mask in which all that is inside lies.
        clicks: points in pixels of the image; at least one. A point beside the mask means the part
            nearest to it.
        x0_px: left edge of that part of the mask in the image.
        y0_px: its top edge.

    Returns:
        Whole pixels of the image, x1 and y1 exclusive; None if the mask is empty.
    """
    rows, columns = np.nonzero(mask_HW)
    if rows.size == 0:
        return None
    _, parts_HW = cv2.connectedComponents(mask_HW.astype(np.uint8))
    parts = parts_HW[rows, columns]
    # Distances from the pixels' centres; a clicked pixel is its own nearest.
    nearest = [
        int(np.argmin((columns + x0_px + 0.5 - x) ** 2 + (rows + y0_px + 0.5 - y) ** 2))
        for x, y in clicks
    ]
    meant = np.isin(parts, parts[nearest])
    rows, columns = rows[meant] + y0_px, columns[meant] + x0_px
    return (
        float(columns.min()),
        float(rows.min()),
        float(columns.max() + 1),
        float(rows.max() + 1),
    )


def closer_window(
    extents_xyxy_px: Sequence[BoxXyxyPx | None], window: Window, width_px: int, height_px: int
) -> Window | None:
    """The smaller window that does for things of these extents.

    Args:
        extents_xyxy_px: of each thing in pixels of the image; None for one that was not found.
        window: where they were found.
        width_px: width of the image.
        height_px: height of the image.

    Returns:
        None if the window they were found in is as close as it gets, or one was not found.
    """
    found = [extent for extent in extents_xyxy_px if extent is not None]
    if len(found) < len(extents_xyxy_px) or not found:
        return None
    closer = choose_window(found, width_px, height_px)
    return closer if closer.side_px < window.side_px else None
