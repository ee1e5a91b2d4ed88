"""Binary masks of a full image: run-length code, and masks of a window put back into the image.

Run-length code is COCO's compressed form: column-major runs of 0s and 1s in turn, the lengths
delta-coded in printable characters, as pycocotools writes and reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.windows import Window

MaskHW = npt.NDArray[np.bool_]
BoxXyxyPx = tuple[float, float, float, float]

# Rows made at a time, so that a mask of 100 megapixels needs no float copy of itself.
_STRIP_ROWS = 512
# Of run-length code.
_DECODED_PIXELS = 16_000_000


def encode_rle(mask_HW: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> tuple[int, int, str]:
    """(height, width, counts) of a mask; what is not 0 is inside."""
    height, width = mask_HW.shape
    column_major = np.asfortranarray(mask_HW != 0).view(np.uint8)
    return height, width, coco.encode(column_major)["counts"].decode("ascii")


def decode_rle(height_px: int, width_px: int, counts: str) -> MaskHW:
    """The mask [H, W] of a run-length code.

    Raises:
        ImageryError: the code is malformed or does not cover exactly height x width (field "mask").
    """
    runs = rle_runs(height_px, width_px, counts)
    column_major = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return np.ascontiguousarray(column_major.reshape(width_px, height_px).T)


def decode_rle_part(
    height_px: int, width_px: int, counts: str, part_xyxy_px: tuple[int, int, int, int]
) -> MaskHW:
    """A rectangle of the mask, without decoding the rest.

    Args:
        height_px: of the whole mask.
        width_px: of the whole mask.
        counts: its run-length code.
        part_xyxy_px: whole pixels, x1 and y1 exclusive; it may reach beyond the mask.

    Returns:
        bool [y1 - y0, x1 - x0]; False beyond the mask.

    Raises:
        ImageryError: the code is malformed (field "mask").
    """
    x0, y0, x1, y1 = part_xyxy_px
    part_HW = np.zeros((max(y1 - y0, 0), max(x1 - x0, 0)), np.bool_)
    left, right = min(max(x0, 0), width_px), min(max(x1, 0), width_px)
    top, bottom = min(max(y0, 0), height_px), min(max(y1, 0), height_px)
    runs = rle_runs(height_px, width_px, counts)
    if left >= right or top >= bottom:
        return part_HW
    bounds = np.concatenate(([0], np.cumsum(runs)))
    is_inside = np.arange(runs.size) % 2 == 1
    # The code goes by columns, of which a large mask has too many pixels for them all at once.
    at_once = max(1, _DECODED_PIXELS // height_px)
    for first in range(left, right, at_once):
        end = min(first + at_once, right)
        lengths = np.diff(np.clip(bounds, first * height_px, end * height_px))
        columns = np.repeat(is_inside, lengths).reshape(end - first, height_px).T
        part_HW[top - y0 : bottom - y0, first - x0 : end - x0] = columns[top:bottom]
    return part_HW


def encode_rle_part(part_HW: MaskHW, x0_px: int, y0_px: int, height_px: int, width_px: int) -> str:
    """The run-length code of a mask of which all that is inside lies in one rectangle.

    Args:
        part_HW: bool [h, w], the rectangle.
        x0_px: its left edge; it lies wholly inside the mask.
        y0_px: its top edge.
        height_px: of the whole mask.
        width_px: of the whole mask.
    """
    rows, columns = part_HW.shape
    padded_WH = np.zeros((columns, rows + 2), np.bool_)
    padded_WH[:, 1:-1] = part_HW.T
    column, row = np.nonzero(padded_WH[:, 1:] != padded_WH[:, :-1])
    changes = (column + x0_px) * height_px + row + y0_px
    # A run that reaches the last row goes on where the next column begins inside.
    apart = np.diff(changes) > 0
    ends = np.ones(min(changes.size, 1), np.bool_)
    alone = np.concatenate((ends, apart)) & np.concatenate((apart, ends))
    return encode_changes(changes[alone], height_px, width_px)


def encode_changes(changes: npt.NDArray[np.int64], height_px: int, width_px: int) -> str:
    """The run-length code of a mask, from the pixels (column-major) at which it changes.

    Args:
        changes: begin and end (exclusive) of each run of 1s in turn, ascending.
        height_px: of the mask.
        width_px: of the mask.
    """
    runs = np.diff(np.concatenate(([0], changes, [height_px * width_px]))).tolist()
    # Where the last pixel of all is inside, no run of 0s follows.
    code = {"size": [height_px, width_px], "counts": runs if runs[-1] else runs[:-1]}
    encoded: bytes = coco.frPyObjects(code, height_px, width_px)["counts"]
    return encoded.decode("ascii")


def united_rle(height_px: int, width_px: int, codes: Sequence[str]) -> str:
    """The run-length code of what lies in at least one of several masks of one size.

    Raises:
        ImageryError: a code is malformed (field "mask").
    """
    for counts in codes:
        rle_runs(height_px, width_px, counts)
    size = [height_px, width_px]
    merged = coco.merge([{"size": size, "counts": counts.encode("ascii")} for counts in codes])
    encoded: bytes = merged["counts"]
    return encoded.decode("ascii")


def rle_runs(height_px: int, width_px: int, counts: str) -> npt.NDArray[np.int64]:
    """Lengths of the runs of 0s and 1s in turn, column-major; the first run is of 0s.

    A stranger's code is checked here; pycocotools' own decoder would not, and write past the end
    of its buffer when the runs are longer than the mask.

    Raises:
        ImageryError: the code is malformed or does not cover exactly height x width (field "mask").
    """
    if height_px < 1 or width_px < 1:
        raise ImageryError("mask", f"has the size {width_px} x {height_px} px", "at least 1 x 1 px")
    runs = _parse_counts(counts)
    total = int(runs.sum()) if runs.size and runs.min() >= 0 else -1
    if total != height_px * width_px:
        raise ImageryError(
            "mask.counts",
            "the runs do not add up to the mask's size",
            f"{width_px} x {height_px} = {width_px * height_px} px",
        )
    return runs


def _parse_counts(counts: str) -> npt.NDArray[np.int64]:
    """Numbers of a compressed code: 5 bits a character, lowest first, 32 marks a continuation.

    From the fourth number on each is the difference to the one two before.
    """
    damaged = ImageryError("mask.counts", "is damaged", "a compressed COCO run-length code")
    if not counts or not counts.isascii():
        raise damaged
    chars = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    if chars.min() < 0 or chars.max() > 63 or chars[-1] & 32:
        raise damaged
    lasts = np.flatnonzero((chars & 32) == 0)
    firsts = np.concatenate(([0], lasts[:-1] + 1))
    lengths = lasts - firsts + 1
    # Seven characters hold 2^34, more than any mask has pixels.
    if lengths.max() > 7:
        raise damaged
    place = np.arange(chars.size) - np.repeat(firsts, lengths)
    numbers = np.add.reduceat((chars & 31) << (5 * place), firsts)
    numbers -= np.where(chars[lasts] & 16, np.int64(1) << (5 * lengths), 0)
    numbers[2::2] = np.cumsum(numbers[2::2])
    numbers[1::2] = np.cumsum(numbers[1::2])
    return numbers


def rle_box_xyxy_px(height_px: int, width_px: int, counts: str) -> BoxXyxyPx | None:
    """Tight box of a run-length code, without decoding it; None if the mask is empty.

    Raises:
        ImageryError: the code is malformed (field "mask").
    """
    runs = rle_runs(height_px, width_px, counts)
    ends = np.cumsum(runs)
    ones = (np.arange(runs.size) % 2 == 1) & (runs > 0)
    if not ones.any():
        return None
    first, last = (ends - runs)[ones], ends[ones] - 1
    top, bottom = first % height_px, last % height_px
    # A run that goes on into the next column touches both the first and the last row.
    wraps = bool((first // height_px != last // height_px).any())
    return (
        float(first[0] // height_px),
        0.0 if wraps else float(top.min()),
        float(last[-1] // height_px + 1),
        float(height_px) if wraps else float(bottom.max() + 1),
    )


def rle_area_px(height_px: int, width_px: int, counts: str) -> int:
    """Number of pixels inside a run-length code, without decoding it.

    Raises:
        ImageryError: the code is malformed (field "mask").
    """
    return int(rle_runs(height_px, width_px, counts)[1::2].sum())


def mask_box_xyxy_px(mask_HW: MaskHW) -> BoxXyxyPx | None:
    """Tight box of a mask; None if it is empty."""
    columns = np.flatnonzero(mask_HW.any(axis=0))
    if columns.size == 0:
        return None
    rows = np.flatnonzero(mask_HW[:, columns[0] : columns[-1] + 1].any(axis=1))
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


@dataclass(frozen=True)
class MaskPart:
    """A rectangle that holds all that is inside of a mask of the full image.

    Attributes:
        part_HW: bool [h, w]; may be empty.
        x0_px, y0_px: its corner in the full image.
    """

    part_HW: MaskHW
    x0_px: int
    y0_px: int

    def box_xyxy_px(self) -> BoxXyxyPx | None:
        """The tight box of what is inside, in the full image; see ``mask_box_xyxy_px``."""
        box = mask_box_xyxy_px(self.part_HW)
        if box is None:
            return None
        x0, y0, x1, y1 = box
        return (x0 + self.x0_px, y0 + self.y0_px, x1 + self.x0_px, y1 + self.y0_px)


def paste_window_mask(
    logits_hw: npt.NDArray[np.floating], window: Window, width_px: int, height_px: int
) -> MaskHW:
    """The mask of the full image whose window has these logits; see ``window_mask_part``.

    Returns:
        bool [height_px, width_px]; False outside the window.
    """
    mask_HW = np.zeros((height_px, width_px), dtype=np.bool_)
    found = window_mask_part(logits_hw, window, width_px, height_px)
    rows, columns = found.part_HW.shape
    mask_HW[found.y0_px : found.y0_px + rows, found.x0_px : found.x0_px + columns] = found.part_HW
    return mask_HW


def window_mask_part(
    logits_hw: npt.NDArray[np.floating], window: Window, width_px: int, height_px: int
) -> MaskPart:
    """What is inside of the mask of the full image whose window has these logits.

    The logits are read bilinearly at the image's pixel centres (their own cell centres lie at
    (i + 0.5) / n of the window, the border cells reach out to its edge); inside is what is > 0.

    Args:
        logits_hw: [h, w] over the window, any resolution.
        window: where they lie, in pixels of the full image.
        width_px: width of the full image.
        height_px: height of the full image.
    """
    logits = np.nan_to_num(np.asarray(logits_hw, dtype=np.float32), nan=-1.0)
    positive = mask_box_xyxy_px(logits > 0)
    if positive is None:
        return MaskPart(np.zeros((0, 0), np.bool_), 0, 0)
    cells_h, cells_w = logits.shape
    x0, x1 = _reached_px(window.x0_px, window.side_px, cells_w, positive[0], positive[2], width_px)
    y0, y1 = _reached_px(window.y0_px, window.side_px, cells_h, positive[1], positive[3], height_px)
    left_X, right_X, across_X = _read_between(x0, x1, window.x0_px, window.side_px, cells_w)
    upper_Y, lower_Y, down_Y = _read_between(y0, y1, window.y0_px, window.side_px, cells_h)
    part_HW = np.empty((y1 - y0, x1 - x0), np.bool_)
    for y in range(0, y1 - y0, _STRIP_ROWS):
        strip = slice(y, y + _STRIP_ROWS)
        down_Y1 = down_Y[strip, np.newaxis]
        rows_YW = logits[upper_Y[strip]] * (1 - down_Y1) + logits[lower_Y[strip]] * down_Y1
        read_YX = rows_YW[:, left_X] * (1 - across_X) + rows_YW[:, right_X] * across_X
        part_HW[strip] = read_YX > 0
    return MaskPart(part_HW, x0, y0)


def _reached_px(
    start_px: float, side_px: float, cells: int, first: float, last: float, limit_px: int
) -> tuple[int, int]:
    """Image pixels that cells first..last (exclusive) can make positive: one cell further out.

    Only pixels whose centre lies in the window and in the image.
    """
    cell_px = side_px / cells
    low = max(start_px + (first - 1) * cell_px, start_px, 0.0)
    high = min(start_px + (last + 1) * cell_px, start_px + side_px, float(limit_px))
    begin = int(np.ceil(low - 0.5))
    return begin, max(begin, min(int(np.ceil(high - 0.5)), limit_px))


def _read_between(
    first_px: int, stop_px: int, start_px: float, side_px: float, cells: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Of each pixel centre first_px..stop_px along one axis: the cells it lies between, how far.

    Not a product of matrices: a library for those starts threads, which cost more than they do.
    """
    centres = np.arange(first_px, stop_px) + 0.5
    at = np.clip((centres - start_px) / side_px * cells - 0.5, 0, cells - 1)
    low = np.minimum(at.astype(np.int64), max(cells - 2, 0))
    return low, np.minimum(low + 1, cells - 1), (at - low).astype(np.float32)
