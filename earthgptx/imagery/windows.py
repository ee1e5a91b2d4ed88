"""The square part of an image the model looks at: choosing it, cutting it, measuring in it.

A window lies in pixels of the full image: origin at the top left corner of the top left pixel, so
the centre of the first pixel is (0.5, 0.5). It may reach beyond the image; what is not image is 0.

Windows come from a fixed pyramid so that marks near each other share a window, and with it the
cached features of that window. Level z holds squares of side ceil(S / 2^z), S the image's longer
side, on a grid of half a side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.imagery.errors import ImageryError

PixelsHWC = npt.NDArray[np.uint8]
PointsN2 = npt.NDArray[np.float64]
BoxXyxyPx = tuple[float, float, float, float]

# Smaller windows would only show enlarged pixels.
MIN_SIDE_PX = 64
# Surroundings the model needs to name a thing: the window is at least this many times as wide.
CONTEXT_FACTOR = 3
# A bare point does not say how big the thing is: it counts as a box of this side.
POINT_REACH_PX = 64
# Larger windows are cut row by row, so that no padded copy of them is made.
_WHOLE_CUT_LIMIT_PX = 4096 * 4096


@dataclass(frozen=True)
class Window:
    """Square ``[x0, x0 + side) x [y0, y0 + side)`` in pixels of the full image; side > 0."""

    x0_px: float
    y0_px: float
    side_px: float

    def __post_init__(self) -> None:
        """Refuses what is no square.

        Raises:
            ImageryError: a number is not finite or the side is not positive (field "window").
        """
        if not all(map(math.isfinite, (self.x0_px, self.y0_px, self.side_px))):
            raise ImageryError("window", "has a coordinate that is not finite", "finite numbers")
        if self.side_px <= 0:
            raise ImageryError("window.side_px", f"is {self.side_px:g}", "greater than 0")


def whole_image(width_px: int, height_px: int) -> Window:
    """The image padded to a square in whose middle it lies (to the pixel)."""
    side_px = max(width_px, height_px)
    return Window(
        float(-((side_px - width_px) // 2)), float(-((side_px - height_px) // 2)), float(side_px)
    )


def validate_window(window: Window, width_px: int, height_px: int) -> None:
    """Refuses windows of which nothing useful can be seen.

    Raises:
        ImageryError: the window does not touch the image, or is larger than twice the image's
            longer side, or smaller than one pixel (field "window").
    """
    longer_px = max(width_px, height_px)
    if not 1 <= window.side_px <= 2 * longer_px:
        raise ImageryError(
            "window.side_px", f"is {window.side_px:g}", f"between 1 and {2 * longer_px}"
        )
    inside_x = window.x0_px < width_px and window.x0_px + window.side_px > 0
    inside_y = window.y0_px < height_px and window.y0_px + window.side_px > 0
    if not (inside_x and inside_y):
        raise ImageryError(
            "window", "lies outside the image", f"image is {width_px} x {height_px} px"
        )


def box_in_image(
    box_xyxy_unit: BoxXyxyPx, window: Window, width_px: int, height_px: int
) -> BoxXyxyPx | None:
    """A box in 0..1 of a window in pixels of the full image, clipped; None if nothing is left."""
    x0, y0, x1, y1 = box_xyxy_unit
    side, left, top = window.side_px, window.x0_px, window.y0_px
    x0, x1 = (min(max(x * side + left, 0.0), float(width_px)) for x in (x0, x1))
    y0, y1 = (min(max(y * side + top, 0.0), float(height_px)) for y in (y0, y1))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def touched_px(window: Window, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """The whole pixels of an image that a window touches: x0, y0, x1, y1, the last two exclusive.

    Where it touches none, one of the lengths is not positive.
    """
    return (
        max(math.floor(window.x0_px), 0),
        max(math.floor(window.y0_px), 0),
        min(math.ceil(window.x0_px + window.side_px), width_px),
        min(math.ceil(window.y0_px + window.side_px), height_px),
    )


def choose_window(
    boxes_xyxy_px: Sequence[BoxXyxyPx],
    width_px: int,
    height_px: int,
    least_side_px: int = MIN_SIDE_PX,
) -> Window:
    """Close to the regions if they are small, else the whole image.

    The deepest level of the pyramid whose side is at least ``CONTEXT_FACTOR`` times the longer
    side of the regions' union and ``least_side_px``; there the window whose centre is nearest the
    union's. It contains the union as far as that lies in the image.

    Args:
        boxes_xyxy_px: extent of each region; a bare point has an extent without area and counts
            as a box of ``POINT_REACH_PX`` around it. None at all means the whole image.
        width_px: width of the full image.
        height_px: height of the full image.
        least_side_px: the window is never closer, however small they are.
    """
    whole = whole_image(width_px, height_px)
    if not boxes_xyxy_px:
        return whole
    x0, y0, x1, y1 = _union_in_image(boxes_xyxy_px, width_px, height_px)
    needed_px = max(CONTEXT_FACTOR * max(x1 - x0, y1 - y0), least_side_px)
    longest_px = int(whole.side_px)
    level = 0
    while math.ceil(longest_px / 2 ** (level + 1)) >= needed_px:
        level += 1
    if level == 0:
        return whole
    side_px = math.ceil(longest_px / 2**level)
    return Window(
        whole.x0_px + _nearest_start((x0 + x1) / 2 - whole.x0_px, side_px, longest_px, level),
        whole.y0_px + _nearest_start((y0 + y1) / 2 - whole.y0_px, side_px, longest_px, level),
        float(side_px),
    )


def _union_in_image(
    boxes_xyxy_px: Sequence[BoxXyxyPx], width_px: int, height_px: int
) -> tuple[float, float, float, float]:
    boxes_N4 = np.array(boxes_xyxy_px, dtype=np.float64)
    bare = (boxes_N4[:, 2:] - boxes_N4[:, :2]).max(axis=1) <= 0
    boxes_N4[bare, :2] -= POINT_REACH_PX / 2
    boxes_N4[bare, 2:] += POINT_REACH_PX / 2
    limits = np.array([width_px, height_px], dtype=np.float64)
    x0, y0 = np.clip(boxes_N4[:, :2].min(axis=0), 0, limits).tolist()
    x1, y1 = np.clip(boxes_N4[:, 2:].max(axis=0), 0, limits).tolist()
    return x0, y0, x1, y1


def _nearest_start(centre_px: float, side_px: int, longest_px: int, level: int) -> float:
    """Start of the window on the level's grid whose centre is nearest, from the square's edge."""
    step_px = longest_px / 2 ** (level + 1)
    last = 2 ** (level + 1) - 2
    index = min(max(math.floor((centre_px - side_px / 2) / step_px + 0.5), 0), last)
    return float(min(math.floor(index * step_px), longest_px - side_px))


def to_window_unit(points_xy_px: npt.ArrayLike, window: Window) -> PointsN2:
    """Pixels of the full image [..., 2] to 0..1 across the window (outside it beyond 0..1)."""
    points = np.asarray(points_xy_px, dtype=np.float64)
    return (points - (window.x0_px, window.y0_px)) / window.side_px


def from_window_unit(points_xy_unit: npt.ArrayLike, window: Window) -> PointsN2:
    """The inverse of ``to_window_unit``."""
    points = np.asarray(points_xy_unit, dtype=np.float64)
    return points * window.side_px + (window.x0_px, window.y0_px)


def cut_window(pixels_HWC: PixelsHWC, window: Window, side_px: int) -> PixelsHWC:
    """What lies in the window, resampled to ``side_px``; 0 where there is no image.

    Averages over areas when it shrinks, is bilinear when it enlarges. A pure function of its
    arguments, so training and serving see the same pixels.

    Args:
        pixels_HWC: uint8 [H, W, C] or [H, W].
        window: may reach beyond the image; best in whole pixels. A fractional one is first
            resampled (bilinear) at the image's own resolution, or, where it is shrunk eightfold
            or more, moved to whole pixels.
        side_px: side of the result.

    Returns:
        uint8 [side_px, side_px, C] or [side_px, side_px], contiguous.
    """
    x0, y0, side = _whole_pixels(window)
    if (x0, y0, side) != (window.x0_px, window.y0_px, window.side_px) and side < 8 * side_px:
        pixels_HWC, x0, y0 = _shift_to_whole_pixels(pixels_HWC, window, side), 0, 0
    if side > side_px and side * side > _WHOLE_CUT_LIMIT_PX:
        return _cut_by_rows(pixels_HWC, x0, y0, side, side_px)
    return _resize(_part(pixels_HWC, x0, y0, side, side), side_px, side_px)


def _whole_pixels(window: Window) -> tuple[int, int, int]:
    return round(window.x0_px), round(window.y0_px), max(round(window.side_px), 1)


def _part(pixels_HWC: PixelsHWC, x0: int, y0: int, width: int, height: int) -> PixelsHWC:
    """The rectangle at (x0, y0), with zeros where there is no image."""
    image_height, image_width = pixels_HWC.shape[:2]
    part = pixels_HWC[max(y0, 0) : max(y0 + height, 0), max(x0, 0) : max(x0 + width, 0)]
    if part.size == 0:
        return np.zeros((height, width, *pixels_HWC.shape[2:]), np.uint8)
    top, left = max(-y0, 0), max(-x0, 0)
    bottom, right = max(y0 + height - image_height, 0), max(x0 + width - image_width, 0)
    if top or left or bottom or right:
        padded = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
        return _as_pixels(padded, (height, width, *pixels_HWC.shape[2:]))
    return part


def _as_pixels(array: npt.NDArray[Any], shape: tuple[int, ...]) -> PixelsHWC:
    """OpenCV drops a last axis of length 1, and its types say nothing of elements."""
    return array.reshape(shape)


def _resize(part: PixelsHWC, width: int, height: int) -> PixelsHWC:
    if part.shape[:2] == (height, width):
        return np.ascontiguousarray(part)
    shrinks = part.shape[0] >= height and part.shape[1] >= width
    resized = cv2.resize(
        part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return _as_pixels(resized, (height, width, *part.shape[2:]))


def _cut_by_rows(pixels_HWC: PixelsHWC, x0: int, y0: int, side: int, side_px: int) -> PixelsHWC:
    """The same average, one row of the result at a time: no padded copy of a large image."""
    ratio = side / side_px
    result = np.zeros((side_px, side_px, *pixels_HWC.shape[2:]), np.uint8)
    for row in range(side_px):
        start, stop = row * ratio, min((row + 1) * ratio, side)
        first, last = math.floor(start), math.ceil(stop)
        if y0 + last <= 0 or y0 + first >= pixels_HWC.shape[0]:
            continue
        strip = _resize(
            _part(pixels_HWC, x0, y0 + first, side, last - first), side_px, last - first
        )
        ys = np.arange(first, last)
        weights = np.minimum(ys + 1, stop) - np.maximum(ys, start)
        mean = np.tensordot(weights.astype(np.float32), strip.astype(np.float32), axes=1) / ratio
        result[row] = np.rint(mean).clip(0, 255)
    return result


def _shift_to_whole_pixels(pixels_HWC: PixelsHWC, window: Window, side: int) -> PixelsHWC:
    """The window's content at the image's own resolution, on whole pixels: bilinear."""
    scale = window.side_px / side
    # Both frames have pixel centres at .5, warpAffine has them at whole numbers.
    to_source = np.array(
        [
            [scale, 0.0, window.x0_px + scale / 2 - 0.5],
            [0.0, scale, window.y0_px + scale / 2 - 0.5],
        ]
    )
    shifted = cv2.warpAffine(
        pixels_HWC, to_source, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return _as_pixels(shifted, (side, side, *pixels_HWC.shape[2:]))
