"""What a user might draw to show a thing whose mask is known: for training and evaluation.

Hands are not exact: boxes are a little off, outlines coarse, strokes wander inside the thing.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.mark_shapes import (
    DEFAULT_SCRIBBLE_SHARE,
    BoxMark,
    Mark,
    MarkKind,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
    VertexXyPx,
)
from earthgptx.imagery.masks import encode_rle, mask_box_xyxy_px

MaskHW = npt.NDArray[np.bool_]

# A corner of a simulated box is off by at most this share of the box's side.
_BOX_SLIP = 0.06
# Of a thing in several parts those are outlined that have this share of the largest one's area.
_SMALLEST_PART_SHARE = 0.2
_MOST_PARTS = 4
# What several marks on one thing are drawn with. A mask is left out: who has one needs no more.
_MIXED_KINDS: tuple[MarkKind, ...] = ("point", "box", "polygon", "scribble")
_MOST_MIXED_KINDS = 3
_MOST_CLICKS = 3


def marks_from_mask(mask_HW: MaskHW, kind: MarkKind, rng: np.random.Generator) -> Region:
    """Simulates a user who marks the thing with this mask.

    Args:
        mask_HW: bool [H, W], not empty.
        kind: what the user draws with.
        rng: all randomness; equal states give equal marks.

    Returns:
        A region with marks of that kind only; several polygons where the thing is in parts.

    Raises:
        ImageryError: the mask is empty (field "mask") or the kind unknown (field "kind").
    """
    box = mask_box_xyxy_px(mask_HW)
    if box is None:
        raise ImageryError("mask", "is empty", "at least one pixel")
    marks: tuple[Mark, ...]
    if kind == "point":
        x, y = _inner_points(mask_HW, box, 1, 0.5, rng)[0]
        marks = (PointMark(x, y),)
    elif kind == "box":
        marks = (_sloppy_box(box, mask_HW.shape, rng),)
    elif kind == "polygon":
        marks = _coarse_outlines(mask_HW, box, rng)
    elif kind == "scribble":
        marks = (_stroke(mask_HW, box, rng),)
    elif kind == "mask":
        marks = (MaskMark(*encode_rle(_sloppy_mask(mask_HW, rng))),)
    else:
        raise ImageryError("kind", f"{kind!r} is none", "point, box, polygon, scribble or mask")
    return Region(marks)


def mixed_marks_from_mask(mask_HW: MaskHW, rng: np.random.Generator) -> Region:
    """Simulates a user who shows one thing by several marks of different kinds.

    Two or three of box, points (one to three), polygon and scribble, in any order.

    Args:
        mask_HW: bool [H, W], not empty.
        rng: all randomness; equal states give equal marks.

    Raises:
        ImageryError: the mask is empty (field "mask").
    """
    count = int(rng.integers(2, _MOST_MIXED_KINDS + 1))
    marks: list[Mark] = []
    for place in rng.permutation(len(_MIXED_KINDS))[:count]:
        kind = _MIXED_KINDS[place]
        for _ in range(int(rng.integers(1, _MOST_CLICKS + 1)) if kind == "point" else 1):
            marks += marks_from_mask(mask_HW, kind, rng).marks
    return Region(tuple(marks))


def _crop(mask_HW: MaskHW, box: tuple[float, ...]) -> npt.NDArray[np.uint8]:
    """The part in the box with one empty pixel around, so that the image's rim counts as an end."""
    x0, y0, x1, y1 = map(int, box)
    return np.pad(mask_HW[y0:y1, x0:x1].astype(np.uint8), 1)


def _inner_points(
    mask_HW: MaskHW, box: tuple[float, ...], count: int, depth: float, rng: np.random.Generator
) -> list[VertexXyPx]:
    """Random positions in pixels at least ``depth`` of the way from the rim to the middle."""
    distance = cv2.distanceTransform(_crop(mask_HW, box), cv2.DIST_L2, 3)
    ys, xs = np.nonzero(distance >= depth * distance.max())
    chosen = rng.integers(0, xs.size, count)
    inside_pixel = rng.random((count, 2))
    x = xs[chosen] - 1 + box[0] + inside_pixel[:, 0]
    y = ys[chosen] - 1 + box[1] + inside_pixel[:, 1]
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _sloppy_box(
    box: tuple[float, ...], shape: tuple[int, ...], rng: np.random.Generator
) -> BoxMark:
    x0, y0, x1, y1 = box
    height, width = shape
    slip = rng.uniform(-_BOX_SLIP, _BOX_SLIP, 4) * np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0])
    moved = np.clip(np.array(box) + slip, 0, [width, height, width, height])
    return BoxMark(*moved.tolist())


def _stroke(mask_HW: MaskHW, box: tuple[float, ...], rng: np.random.Generator) -> ScribbleMark:
    """Points inside the largest part, joined in their order along its longest direction."""
    largest_HW = _largest_part(mask_HW, box)
    points = np.array(_inner_points(largest_HW, box, int(rng.integers(3, 8)), 0.3, rng))
    centred = points - points.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    ordered = points[np.argsort(centred @ directions[0])]
    width_px = max(mask_HW.shape) * DEFAULT_SCRIBBLE_SHARE * rng.uniform(0.5, 1.5)
    return ScribbleMark(tuple((x, y) for x, y in ordered.tolist()), float(max(width_px, 1.0)))


def _largest_part(mask_HW: MaskHW, box: tuple[float, ...]) -> MaskHW:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_crop(mask_HW, box))
    if count <= 2:
        return mask_HW
    part_HW = np.zeros_like(mask_HW)
    x0, y0, x1, y1 = map(int, box)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    part_HW[y0:y1, x0:x1] = labels[1:-1, 1:-1] == largest
    return part_HW


def _coarse_outlines(
    mask_HW: MaskHW, box: tuple[float, ...], rng: np.random.Generator
) -> tuple[PolygonMark, ...]:
    """The outlines of the largest parts with few vertices, each a little off."""
    contours, _ = cv2.findContours(_crop(mask_HW, box), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    parts = sorted(contours, key=cv2.contourArea, reverse=True)[:_MOST_PARTS]
    largest = cv2.contourArea(parts[0])
    kept = [p for p in parts if cv2.contourArea(p) >= _SMALLEST_PART_SHARE * largest]
    coarseness = rng.uniform(0.005, 0.03)
    height, width = mask_HW.shape
    marks = []
    for part in kept if largest > 0 else kept[:1]:
        ring = cv2.approxPolyDP(part, coarseness * cv2.arcLength(part, True), True)[:, 0]
        # The crop has a pixel of margin; pixel centres lie at .5.
        ring = np.asarray(ring, np.float64) + np.array((box[0] - 0.5, box[1] - 0.5))
        side = np.ptp(ring, axis=0)
        if len(ring) < 3 or side.min() < 1:
            x0, y0 = ring.min(axis=0) - 0.5
            x1, y1 = ring.max(axis=0) + 0.5
            ring = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        else:
            ring = ring + rng.normal(0, 0.012, ring.shape) * side
        ring = np.clip(ring, 0, (width, height))
        marks.append(PolygonMark(tuple((x, y) for x, y in ring.tolist())))
    return tuple(marks)


def _sloppy_mask(mask_HW: MaskHW, rng: np.random.Generator) -> MaskHW:
    """The mask as it is, or a little grown or shrunk."""
    change = int(rng.integers(0, 4))
    if change > 1:
        return mask_HW
    reach = max(1, round(0.04 * float(mask_HW.sum()) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    morph = cv2.dilate if change == 0 else cv2.erode
    changed = morph(mask_HW.astype(np.uint8), kernel).view(np.bool_)
    return changed if changed.any() else mask_HW


def part_of_box(
    box: tuple[float, float, float, float], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """What a mark spans that does not cover all of a thing: 0.4 to 1 of either side."""
    share = rng.uniform(0.4, 1.0)
    width, height = (box[2] - box[0]) * share, (box[3] - box[1]) * share
    x0 = rng.uniform(box[0], box[2] - width)
    y0 = rng.uniform(box[1], box[3] - height)
    return (x0, y0, x0 + width, y0 + height)
