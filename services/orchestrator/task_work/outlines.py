"""Masks of the stages as regions, and their parts."""

from __future__ import annotations

import math

import cv2
import numpy as np

from earthgptx.imagery.masks import MaskHW, decode_rle_part, encode_rle_part
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
    mask: MaskDrawn, label: str | None, image_id: str, seen: Seen | None = None
) -> Region | None:
    """The mask as a region of its scene; None if nothing is inside."""
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
    )


def parts_of(found: Region) -> list[Region]:
    """Its connected parts (8 neighbours), the largest first, without specks.

    Raises:
        ImageryError: Its mask is malformed (field "mask").
    """
    pixels = mask_of(found)
    x0, y0, *_ = pixel_box(found)
    inside_HW = inside_box(found, pixel_box(found))
    count, numbers_HW, facts, _ = cv2.connectedComponentsWithStats(
        inside_HW.astype(np.uint8), connectivity=8
    )
    parts = []
    for number in range(1, count):
        left, top, width, height, area_px = (int(fact) for fact in facts[number])
        if area_px < LEAST_AREA_PX:
            continue
        part_HW = numbers_HW[top : top + height, left : left + width] == number
        size_px = (pixels.height_px, pixels.width_px)
        counts = encode_rle_part(part_HW, x0 + left, y0 + top, *size_px)
        box = (x0 + left, y0 + top, x0 + left + width, y0 + top + height)
        parts.append(
            Region(
                (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                label=found.label,
                score=found.score,
                mask=MaskPixels(*size_px, counts),
                area_px=area_px,
                image_id=found.image_id,
                seen=found.seen,
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
