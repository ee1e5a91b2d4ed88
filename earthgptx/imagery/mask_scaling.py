"""Masks between a large scene and a small picture of it; the scene's mask itself is never made.

h w rows and columns of the picture, H W of the scene.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.mask_cells import Ints, MaskCells
from earthgptx.imagery.masks import MaskHW

Floats = npt.NDArray[np.float64]
BoxXyxyPx = tuple[float, float, float, float]


def rle_in_scene(
    mask_hw: MaskHW, x0_px: float, y0_px: float, cell_px: float, height_px: int, width_px: int
) -> str:
    """The run-length code of the scene's mask; of each pixel the cell in which its centre lies.

    Args:
        mask_hw: bool [h, w].
        x0_px: left edge of the picture in pixels of the scene; may lie outside.
        y0_px: its top edge.
        cell_px: side of a pixel of the picture, in pixels of the scene.
        height_px: H.
        width_px: W; H x W is at most 2**32 - 1.

    Raises:
        ImageryError: it is in too many pieces (field "mask").
    """
    rows, columns = mask_hw.shape
    cells = MaskCells(
        mask_hw,
        _first_px(columns, x0_px, cell_px, width_px),
        _first_px(rows, y0_px, cell_px, height_px),
    )
    return cells.encoded(height_px, width_px)


def share_inside(
    grids: Iterable[MaskCells], box_xyxy_px: BoxXyxyPx, size_wh: tuple[int, int]
) -> Floats:
    """How much of each pixel of a picture is inside of a mask, 0 to 1: float64 [h, w].

    Args:
        grids: the mask's parts.
        box_xyxy_px: what the picture shows, in pixels of the mask.
        size_wh: w and h.
    """
    (x0, y0, x1, y1), (columns, rows) = box_xyxy_px, size_wh
    xs_px, ys_px = np.linspace(x0, x1, columns + 1), np.linspace(y0, y1, rows + 1)
    inside_hw = np.zeros((rows, columns))
    for grid in grids:
        part_hw = grid.inside_hw.astype(np.float64)
        # The longer side first: what is between the two steps is small then.
        if part_hw.shape[0] >= part_hw.shape[1]:
            down_hw = _summed(part_hw.T, grid.ys_px, ys_px).T
            inside_hw += _summed(down_hw, grid.xs_px, xs_px)
        else:
            across_hw = _summed(part_hw, grid.xs_px, xs_px)
            inside_hw += _summed(across_hw.T, grid.ys_px, ys_px).T
    pixel_area_px = (x1 - x0) / columns * ((y1 - y0) / rows)
    return inside_hw / pixel_area_px


def _first_px(cells: int, start_px: float, cell_px: float, limit_px: int) -> Ints:
    """Of each cell's edge the first pixel of the scene whose centre is not before it."""
    first = np.ceil(start_px + np.arange(cells + 1) * cell_px - 0.5).astype(np.int64)
    clipped: Ints = np.clip(first, 0, limit_px)
    return clipped


def _summed(values_nm: Floats, edges_px: Ints, wanted_px: Floats) -> Floats:
    """The integral over each wanted interval of values that are constant between edges.

    Args:
        values_nm: [n, m], each row by itself; 0 beyond the edges.
        edges_px: [m + 1], ascending.
        wanted_px: [k + 1], ascending.

    Returns:
        [n, k].
    """
    widths_px = np.diff(edges_px)
    upto = np.zeros((values_nm.shape[0], edges_px.size))
    np.cumsum(values_nm * widths_px, axis=1, out=upto[:, 1:])
    if not widths_px.size:
        return np.zeros((values_nm.shape[0], wanted_px.size - 1))
    at = np.clip(wanted_px, edges_px[0], edges_px[-1])
    cells = np.clip(np.searchsorted(edges_px, at, side="right") - 1, 0, widths_px.size - 1)
    there = upto[:, cells] + values_nm[:, cells] * (at - edges_px[cells])
    summed: Floats = np.diff(there, axis=1)
    return summed
