"""Masks that stay as they are when a scene is put together: most of them, where things are few.

To trace the outline of a mask takes a millisecond. Its box says as well that it meets no other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

from earthgptx.imagery.masks import rle_runs
from services.orchestrator.task_work.outlines import mask_of, pixel_box
from workflow_language.region_sets import Region
from workflow_language.values import MaskPixels

Boxes = npt.NDArray[np.float64]


def lie_apart(regions: Sequence[Region]) -> list[bool]:
    """Of each region of a scene, whether it is a mask apart from all others, and trusted wholly.

    Raises:
        ImageryError: the code of such a mask is malformed (field "mask").
    """
    numbers = [n for n, region in enumerate(regions) if isinstance(region.mask, MaskPixels)]
    boxes_xyxy_px = np.array([pixel_box(regions[n]) for n in numbers], np.float64).reshape(-1, 4)
    meet = _meet(boxes_xyxy_px)
    apart = [False] * len(regions)
    for number, box_xyxy_px, meets in zip(numbers, boxes_xyxy_px, meet, strict=True):
        if not meets and _is_trusted(regions[number], box_xyxy_px):
            mask = mask_of(regions[number])
            rle_runs(mask.height_px, mask.width_px, mask.counts)
            apart[number] = True
    return apart


def _meet(boxes_xyxy_px: Boxes) -> npt.NDArray[np.bool_]:
    """Of each box whether it shares an area with another."""
    meet = np.zeros(len(boxes_xyxy_px), np.bool_)
    boxes = shapely.box(*boxes_xyxy_px.T)
    one, other = shapely.STRtree(boxes).query(boxes)
    low = np.maximum(boxes_xyxy_px[one, :2], boxes_xyxy_px[other, :2])
    high = np.minimum(boxes_xyxy_px[one, 2:], boxes_xyxy_px[other, 2:])
    meet[one[(one != other) & (low < high).all(axis=1)]] = True
    return meet


def _is_trusted(region: Region, box_xyxy_px: Boxes) -> bool:
    trusted = region.seen.trusted_xyxy_px if region.seen else None
    if trusted is None:
        return True
    left, top, right, bottom = trusted
    x0, y0, x1, y1 = box_xyxy_px
    return bool(left <= x0 and top <= y0 and x1 <= right and y1 <= bottom)
