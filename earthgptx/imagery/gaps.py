"""Where a window of an image has no data: there is nothing, whatever a model makes of the black.

H W rows and columns of the full image, h w of the pixels of it that the window touches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.masks import MaskPart
from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.windows import Window, touched_px

PackedGaps = npt.NDArray[np.uint8]


def gaps_in_window(valid_HW: ValidHW | None, window: Window) -> PackedGaps | None:
    """Which pixels of the image that the window touches have no data.

    Args:
        valid_HW: of the full image, where there is data; None where everywhere.
        window: it touches the image.

    Returns:
        uint8 [h, ceil(w / 8)], a bit a pixel, the first the highest; None if all have data.
    """
    if valid_HW is None:
        return None
    height_px, width_px = valid_HW.shape
    x0, y0, x1, y1 = touched_px(window, width_px, height_px)
    valid_hw = valid_HW[y0:y1, x0:x1]
    return None if valid_hw.all() else np.packbits(~valid_hw, axis=1)


def packed_shape(window: Window, width_px: int, height_px: int) -> tuple[int, int]:
    """Shape of what ``gaps_in_window`` gives of a window of an image of this size."""
    x0, y0, x1, y1 = touched_px(window, width_px, height_px)
    return y1 - y0, -(-(x1 - x0) // 8)


def outside_gaps(
    found: MaskPart, gaps: PackedGaps, window: Window, width_px: int, height_px: int
) -> MaskPart:
    """What is inside of a mask where there is data.

    Args:
        found: of the window (``window_mask_part``).
        gaps: of the same window (``gaps_in_window``).
        window: in pixels of the full image.
        width_px: of the full image.
        height_px: of the full image.
    """
    if not found.part_HW.size:
        return found
    left, top, *_ = touched_px(window, width_px, height_px)
    x0, y0, (rows, columns) = found.x0_px - left, found.y0_px - top, found.part_HW.shape
    gaps_hw = np.unpackbits(gaps[y0 : y0 + rows], axis=1, count=x0 + columns)[:, x0:]
    return replace(found, part_HW=found.part_HW & (gaps_hw == 0))
