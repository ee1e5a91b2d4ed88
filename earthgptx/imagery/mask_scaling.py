"""A mask drawn in a small picture, as run-length code of the large scene the picture was cut from.

The scene's mask itself is never made: it may have billions of pixels.

h w rows and columns of the picture, H W of the scene.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.masks import MaskHW, encode_changes

_Runs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


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
    """
    columns = mask_hw.shape[1]
    first_x, stop_x = _first_px(np.array([0, columns]), x0_px, cell_px, width_px)
    xs = np.arange(first_x, stop_x)
    cells = np.clip(np.floor((xs + 0.5 - x0_px) / cell_px).astype(np.int64), 0, columns - 1)
    of_column, tops, bottoms = _column_runs(mask_hw)
    first_y = _first_px(tops, y0_px, cell_px, height_px)
    stop_y = _first_px(bottoms, y0_px, cell_px, height_px)
    begins = np.searchsorted(of_column, np.arange(columns + 1))
    counts = np.diff(begins)[cells]
    # Number of each run: those of the first column of the scene, then those of the next.
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    runs = np.repeat(begins[cells], counts) + within
    offsets = np.repeat(xs, counts) * height_px
    starts, stops = _merged(offsets + first_y[runs], offsets + stop_y[runs])
    return encode_changes(np.column_stack((starts, stops)).reshape(-1), height_px, width_px)


def _first_px(
    cells: npt.NDArray[np.int64], start_px: float, cell_px: float, limit_px: int
) -> npt.NDArray[np.int64]:
    """The first pixel of the scene whose centre is not before a cell's edge."""
    first = np.ceil(start_px + cells * cell_px - 0.5).astype(np.int64)
    clipped: npt.NDArray[np.int64] = np.clip(first, 0, limit_px)
    return clipped


def _column_runs(
    mask_hw: MaskHW,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Column, first row and last row (exclusive) of each run of inside pixels, column by column."""
    padded_wh = np.pad(mask_hw.T.astype(np.int8), ((0, 0), (1, 1)))
    changes_wh = np.diff(padded_wh, axis=1)
    of_column, tops = np.nonzero(changes_wh == 1)
    _, bottoms = np.nonzero(changes_wh == -1)
    return of_column, tops, bottoms


def _merged(starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]) -> _Runs:
    """Without empty runs, and those that meet made one."""
    there = stops > starts
    starts, stops = starts[there], stops[there]
    apart = starts[1:] > stops[:-1]
    ends = np.ones(min(starts.size, 1), np.bool_)
    return starts[np.concatenate((ends, apart))], stops[np.concatenate((apart, ends))]
