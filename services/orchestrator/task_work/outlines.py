"""Masks of the stages as regions, and their parts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.imagery.mask_cells import CELLS_AT_ONCE, MaskCells, cells_of, strips_of
from earthgptx.imagery.masks import MaskHW, decode_rle_part
from shared.errors import InvalidInput
from shared.interpretation.events import MaskDrawn
from workflow_language.region_sets import Region, Seen
from workflow_language.values import MaskPixels

PixelBoxXyxyPx = tuple[int, int, int, int]

# A speck of fewer pixels is no thing that anybody could name.
LEAST_AREA_PX = 12
# Pixels looked at one by one: more would fill the memory, whoever else works in this process.
MOST_PIXELS = 100_000_000


def as_found(
    mask: MaskDrawn,
    label: str | None,
    image_id: str,
    seen: Seen | None = None,
    pixel_px: float | None = None,
) -> Region | None:
    """The mask as a region of its scene, seen so (`Region`); None if nothing is inside."""
    if mask.box_xyxy_px is None:
        return None
    return Region(
        mask.box_xyxy_px,
        label=label,
        score=mask.score,
        mask=MaskPixels(mask.height_px, mask.width_px, mask.counts),
        area_px=mask.area_px,
        image_id=image_id,
        seen=seen,
        pixel_px=pixel_px,
    )


def parts_of(found: Region) -> list[Region]:
    """Its connected parts (8 neighbours), the largest first, without specks.

    Raises:
        ImageryError: Its mask is malformed (field "mask").
    """
    pixels = mask_of(found)
    size_px = (pixels.height_px, pixels.width_px)
    cells = cells_in(found, pixel_box(found))
    if not cells.inside_hw.size:
        return []
    count, numbers_hw, facts, _ = cv2.connectedComponentsWithStats(
        cells.inside_hw.astype(np.uint8), connectivity=8
    )
    areas_px = _areas_px(cells, numbers_hw, count)
    parts = []
    for number in range(1, count):
        if areas_px[number] < LEAST_AREA_PX:
            continue
        left, top, width, height, _ = (int(fact) for fact in facts[number])
        right, bottom = left + width, top + height
        xs_px, ys_px = cells.xs_px[left : right + 1], cells.ys_px[top : bottom + 1]
        part = MaskCells(numbers_hw[top:bottom, left:right] == number, xs_px, ys_px)
        parts.append(
            Region(
                (float(xs_px[0]), float(ys_px[0]), float(xs_px[-1]), float(ys_px[-1])),
                label=found.label,
                score=found.score,
                mask=MaskPixels(*size_px, part.encoded(*size_px)),
                area_px=int(areas_px[number]),
                image_id=found.image_id,
                seen=found.seen,
                pixel_px=found.pixel_px,
            )
        )
    return sorted(parts, key=lambda part: -(part.area_px or 0))


def mask_of(region: Region) -> MaskPixels:
    """The pixels of a region that is a mask."""
    assert isinstance(region.mask, MaskPixels)
    return region.mask


def pixel_box(region: Region) -> PixelBoxXyxyPx:
    """The whole pixels of its mask that its box touches; perhaps none."""
    mask = mask_of(region)
    x0, y0, x1, y1 = region.box_xyxy_px
    return (
        max(math.floor(x0), 0),
        max(math.floor(y0), 0),
        min(math.ceil(x1), mask.width_px),
        min(math.ceil(y1), mask.height_px),
    )


def cells_in(region: Region, box_xyxy_px: PixelBoxXyxyPx) -> MaskCells:
    """What is inside of its mask in a rectangle of the scene, as few cells as tell it.

    Raises:
        ImageryError: Its mask is malformed, or has more than `MOST_PIXELS` of them (field "mask").
    """
    mask = mask_of(region)
    return cells_of(mask.height_px, mask.width_px, mask.counts, box_xyxy_px, MOST_PIXELS)


def strips_in(region: Region, box_xyxy_px: PixelBoxXyxyPx) -> Iterator[MaskCells]:
    """The same in parts, however many cells there are.

    Raises:
        ImageryError: Its mask is malformed (field "mask").
    """
    mask = mask_of(region)
    return strips_of(mask.height_px, mask.width_px, mask.counts, box_xyxy_px)


def inside_box(region: Region, box_xyxy_px: PixelBoxXyxyPx) -> MaskHW:
    """Its pixels in a rectangle of the scene: bool [y1 - y0, x1 - x0].

    Raises:
        ImageryError: Its mask is malformed (field "mask").
        InvalidInput: The rectangle has more than `MOST_PIXELS`.
    """
    mask = mask_of(region)
    x0, y0, x1, y1 = box_xyxy_px
    if (x1 - x0) * (y1 - y0) > MOST_PIXELS:
        raise InvalidInput(
            f"a mask is {x1 - x0} x {y1 - y0} px",
            field="masks",
            limit=f"{MOST_PIXELS} px; leave the parts of larger things unmerged",
        )
    return decode_rle_part(mask.height_px, mask.width_px, mask.counts, box_xyxy_px)


def _areas_px(
    cells: MaskCells, numbers_hw: npt.NDArray[Any], count: int
) -> npt.NDArray[np.float64]:
    """Pixels of each number, 0 to `count` - 1."""
    widths_px, heights_px = np.diff(cells.xs_px), np.diff(cells.ys_px)
    areas_px = np.zeros(count)
    # Rows made at a time, so that all cells need no number of 64 bits each.
    at_once = max(1, CELLS_AT_ONCE // widths_px.size)
    for top in range(0, heights_px.size, at_once):
        rows = slice(top, top + at_once)
        pixels = np.multiply.outer(heights_px[rows], widths_px).ravel()
        areas_px += np.bincount(numbers_hw[rows].ravel(), pixels, minlength=count)
    return areas_px
