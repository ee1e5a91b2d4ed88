"""Masks as files give them (polygons, run lengths in four spellings) as compressed run lengths."""

from __future__ import annotations

from typing import Any

from pycocotools import mask as coco_mask

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.masks import rle_runs

Rle = dict[str, object]
"""Compressed COCO run lengths: ``{"size": [H, W], "counts": str}``."""


def rle_of(
    segmentation: list[Any] | dict[str, Any] | None, width_px: int, height_px: int
) -> Rle | None:
    """One mask of the whole image; None where there is no segmentation.

    Args:
        segmentation: polygons ``[[x0, y0, x1, y1, ...], ...]`` (their union), run lengths
            ``{"size", "counts"}`` with counts as text or as numbers, or a list of run lengths
            (their union; RRSIS-D).
        width_px: width of the image.
        height_px: height of the image.

    Raises:
        ValueError: run lengths that do not cover the image, or a polygon of fewer than 3 corners.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return _checked(segmentation, width_px, height_px)
    if isinstance(segmentation[0], dict):
        parts = [_checked(part, width_px, height_px) for part in segmentation]
        return parts[0] if len(parts) == 1 else _text_counts(coco_mask.merge(parts))
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in segmentation):
        raise ValueError("a polygon needs at least 3 corners, x and y each")
    return _text_counts(coco_mask.merge(coco_mask.frPyObjects(segmentation, height_px, width_px)))


def _checked(rle: dict[str, Any], width_px: int, height_px: int) -> Rle:
    if list(rle["size"]) != [height_px, width_px]:
        raise ValueError(f"mask of size {rle['size']} in an image of [{height_px}, {width_px}]")
    if isinstance(rle["counts"], list):
        if sum(rle["counts"]) != height_px * width_px or min(rle["counts"]) < 0:
            raise ValueError("the mask's runs do not add up to its size")
        rle = coco_mask.frPyObjects(rle, height_px, width_px)
    text = _text_counts(rle)
    try:
        # pycocotools would read past the end of counts that are too long.
        rle_runs(height_px, width_px, str(text["counts"]))
    except ImageryError as error:
        raise ValueError(str(error)) from error
    return text


def _text_counts(rle: dict[str, Any]) -> Rle:
    counts = rle["counts"]
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return {"size": [int(side) for side in rle["size"]], "counts": text}
