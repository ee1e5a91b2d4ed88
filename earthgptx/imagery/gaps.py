"""Where a window of an image has no data: there is nothing, whatever a model makes of the black.

H W rows and columns of the full image, h w of the pixels of it that the window touches. Gaps are
bits, eight pixels a byte, the first the highest: [h, ceil(w / 8)]. They travel deflated (RFC 1950):
most are a few straight edges, and salt and pepper takes no more than its bits.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.masks import MaskPart
from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.windows import Window, touched_px

Gaps = npt.NDArray[np.uint8]


def deflated_gaps(valid_HW: ValidHW | None, window: Window) -> bytes | None:
    """Which pixels of the image that the window touches have no data; None if all have.

    Args:
        valid_HW: of the full image, where there is data; None where everywhere.
        window: it touches the image.
    """
    if valid_HW is None:
        return None
    height_px, width_px = valid_HW.shape
    x0, y0, x1, y1 = touched_px(window, width_px, height_px)
    valid_hw = valid_HW[y0:y1, x0:x1]
    if valid_hw.all():
        return None
    return zlib.compress(np.packbits(~valid_hw, axis=1).tobytes(), 1)


def inflated_gaps(data: bytes, window: Window, width_px: int, height_px: int) -> Gaps:
    """The gaps again: uint8 [h, ceil(w / 8)].

    Raises:
        ImageryError: they are damaged, or of another window (field "gaps").
    """
    x0, y0, x1, y1 = touched_px(window, width_px, height_px)
    shape_hw = (y1 - y0, -(-(x1 - x0) // 8))
    size_bytes = shape_hw[0] * shape_hw[1]
    try:
        # Never more than one byte too many, whatever a stranger's few would become.
        bits = zlib.decompressobj().decompress(data, size_bytes + 1)
    except zlib.error:
        bits = b""
    if len(bits) != size_bytes:
        raise ImageryError("gaps", "are not of this window", f"{size_bytes} bytes, deflated")
    return np.frombuffer(bits, np.uint8).reshape(shape_hw)


def outside_gaps(
    found: MaskPart, gaps: Gaps, window: Window, width_px: int, height_px: int
) -> MaskPart:
    """What is inside of a mask where there is data.

    Args:
        found: of the window (``window_mask_part``).
        gaps: of the same window.
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
