"""How far an instance reaches, as the mask itself shows: fits boxes to the parts of a mask.

A centre is told more surely than four sides are, and a mask's edge more exactly than both. A part
of the mask that holds one centre alone is that thing, and its extent the thing's box; of a part
that holds several, no box goes beyond the edge.

I instances, G finest grid side, S side of the enlarged mask.
"""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import numpy.typing as npt

BoxesI4 = npt.NDArray[np.float32]
LogitsGG = npt.NDArray[np.float32]
LabelsSS = npt.NDArray[np.int32]

# The mask's edge runs between cells.
ENLARGED = 4
# A part that overlaps a box less than this is another thing that its middle happens to touch.
LEAST_IOU = 0.1
NO_PART = 0


def fitted(boxes_xyxy_unit_I4: BoxesI4, logits_GG: LogitsGG) -> BoxesI4:
    """Boxes fitted to the parts of the mask, in 0..1 of the view, in their order.

    Args:
        boxes_xyxy_unit_I4: boxes, each of another instance.
        logits_GG: the mask; above 0 is inside.
    """
    side = logits_GG.shape[0] * ENLARGED
    enlarged = cv2.resize(logits_GG, (side, side), interpolation=cv2.INTER_LINEAR)
    _, parts_SS, facts, _ = cv2.connectedComponentsWithStats(
        (enlarged > 0).astype(np.uint8), connectivity=8
    )
    own = [_part_of(box, np.asarray(parts_SS, np.int32)) for box in boxes_xyxy_unit_I4 * side]
    centres = Counter(own)
    left, top, wide, high = facts[:, :4].T
    extents = np.stack([left, top, left + wide, top + high], axis=1).astype(np.float32) / side
    found = [
        box if part == NO_PART else _fitted_to(box, extents[part], centres[part] == 1)
        for box, part in zip(boxes_xyxy_unit_I4, own, strict=True)
    ]
    return np.array(found, np.float32).reshape(-1, 4)


def _part_of(box_xyxy_px: npt.NDArray[np.float32], parts_SS: LabelsSS) -> int:
    """The part in the middle of a box, else what covers most of it; NO_PART if nothing does."""
    last = parts_SS.shape[0] - 1
    x0, y0, x1, y1 = box_xyxy_px.tolist()
    middle = int(parts_SS[min(int((y0 + y1) / 2), last), min(int((x0 + x1) / 2), last)])
    if middle != NO_PART:
        return middle
    inside = parts_SS[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
    covered = np.bincount(inside.ravel(), minlength=1)
    covered[NO_PART] = 0
    return int(covered.argmax())


def _fitted_to(
    box_4: npt.NDArray[np.float32], extent_4: npt.NDArray[np.float32], alone: bool
) -> npt.NDArray[np.float32]:
    if alone:
        return extent_4 if float(box_iou(box_4, extent_4[None])[0]) > LEAST_IOU else box_4
    low, high = np.maximum(box_4[:2], extent_4[:2]), np.minimum(box_4[2:], extent_4[2:])
    return np.concatenate([low, high]) if (low < high).all() else box_4


def box_iou(box_4: npt.NDArray[np.float32], boxes_I4: BoxesI4) -> npt.NDArray[np.float32]:
    """Intersection over union of a box with others, [I]; 0 for boxes without area."""
    low = np.maximum(box_4[:2], boxes_I4[:, :2])
    high = np.minimum(box_4[2:], boxes_I4[:, 2:])
    both_I = np.prod((high - low).clip(min=0), axis=1)
    areas_I = np.prod(boxes_I4[:, 2:] - boxes_I4[:, :2], axis=1) + np.prod(box_4[2:] - box_4[:2])
    return np.asarray(both_I / np.maximum(areas_I - both_I, 1e-12), np.float32)
