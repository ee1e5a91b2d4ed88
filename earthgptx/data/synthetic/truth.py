"""From a finished canvas to truth: visible masks, tight boxes, sizes and relations.

H, W = image sides in pixels; N = objects.
"""

from __future__ import annotations

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from earthgptx.data.labelled_image import BoxXyxyPx, LabelledObject, Relation
from earthgptx.data.synthetic.canvas import Canvas, Instance, PlaneU8
from earthgptx.data.synthetic.classes import (
    ENCLOSURES,
    REGION_LABELS,
    SIZE_BOUNDS,
    STUFF_LABELS,
    SURFACES,
)
from earthgptx.data.synthetic.materials import STUFF_OF_MATERIAL

MIN_VISIBLE_SHARE = 0.4
MIN_INSIDE_SHARE = 0.5
MIN_AREA_PX = 20
MIN_NOTICED_PX = 6
MIN_STUFF_SHARE = 0.03
NEXT_TO_SHARE = 0.05


def _box(mask_HW: PlaneU8) -> BoxXyxyPx:
    x, y, w, h = cv2.boundingRect(mask_HW)
    return float(x), float(y), float(x + w), float(y + h)


def _inside_share(instance: Instance, size_px: int) -> float:
    x0, y0, x1, y1 = instance.extent_px()
    wide = min(x1, size_px) - max(x0, 0.0)
    deep = min(y1, size_px) - max(y0, 0.0)
    whole = (x1 - x0) * (y1 - y0)
    return 0.0 if wide <= 0 or deep <= 0 or whole <= 0 else wide * deep / whole


def is_truth(instance: Instance, visible_px: int, size_px: int) -> bool:
    """Whether enough of an instance is seen to be asked about."""
    if visible_px < MIN_AREA_PX or visible_px < MIN_VISIBLE_SHARE * instance.drawn_px:
        return False
    if instance.label in REGION_LABELS:
        return visible_px >= 0.004 * size_px * size_px
    return _inside_share(instance, size_px) >= MIN_INSIDE_SHARE


def size_word(label: str, box: BoxXyxyPx, size_px: int) -> str:
    """Small, medium or large: thirds of what is usual for the class in these scenes."""
    side = ((box[2] - box[0]) * (box[3] - box[1])) ** 0.5 / size_px
    low, high = SIZE_BOUNDS[label]
    return "small" if side < low else "large" if side > high else "medium"


def find_objects(canvas: Canvas) -> tuple[list[LabelledObject], list[int], frozenset[str]]:
    """Countable things still visible, the canvas number of each, and the labels left unsure.

    A label is unsure when a thing of it is seen too little to be truth, but not too little to be
    noticed: it may be neither counted nor called absent.
    """
    owner_HW = np.ascontiguousarray(canvas.owner)
    kept: list[tuple[Instance, PlaneU8]] = []
    unsure: set[str] = set()
    for instance in canvas.instances:
        mask_HW = (owner_HW == instance.number).view(np.uint8)
        visible_px = int(np.count_nonzero(mask_HW))
        if is_truth(instance, visible_px, canvas.size_px):
            kept.append((instance, mask_HW))
        elif visible_px >= MIN_NOTICED_PX:
            unsure.add(instance.label)
    encoded = _encode([mask_HW for _, mask_HW in kept])
    objects = []
    for (instance, mask_HW), rle in zip(kept, encoded, strict=True):
        box = _box(mask_HW)
        size = size_word(instance.label, box, canvas.size_px)
        objects.append(LabelledObject(instance.label, box, rle, instance.colour, size))
    return objects, [instance.number for instance, _ in kept], frozenset(unsure)


def find_stuff(canvas: Canvas) -> tuple[list[LabelledObject], frozenset[str]]:
    """Substances that cover a fair share of the scene and belong to no labelled thing.

    Returns:
        them, and the substances that are nowhere at all.
    """
    material_HW = np.ascontiguousarray(canvas.solid[..., 0])
    free_HW = np.ascontiguousarray(canvas.owner) == 0
    found: list[tuple[str, PlaneU8]] = []
    absent: set[str] = set()
    for label in STUFF_LABELS:
        of_it_HW = material_HW == int(STUFF_OF_MATERIAL[label])
        if not of_it_HW.any():
            absent.add(label)
            continue
        mask_HW = (of_it_HW & free_HW).view(np.uint8)
        if np.count_nonzero(mask_HW) >= MIN_STUFF_SHARE * mask_HW.size:
            found.append((label, mask_HW))
    encoded = _encode([mask_HW for _, mask_HW in found])
    stuff = [
        LabelledObject(label, _box(mask_HW), rle, stuff=True)
        for (label, mask_HW), rle in zip(found, encoded, strict=True)
    ]
    return stuff, frozenset(absent)


def _encode(masks: list[PlaneU8]) -> list[dict[str, object]]:
    if not masks:
        return []
    stacked_HWN = np.empty((*masks[0].shape, len(masks)), np.uint8, order="F")
    for n, mask_HW in enumerate(masks):
        stacked_HWN[..., n] = mask_HW
    return [
        {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}
        for rle in coco_mask.encode(stacked_HWN)
    ]


def _gap(a: BoxXyxyPx, b: BoxXyxyPx) -> float:
    dx = max(a[0] - b[2], b[0] - a[2], 0.0)
    dy = max(a[1] - b[3], b[1] - a[3], 0.0)
    return float((dx * dx + dy * dy) ** 0.5)


def _under(owner_HW: PlaneU8, box: BoxXyxyPx, number: int) -> int:
    """The instance that owns at least half of what surrounds a box; 0 for none."""
    x0, y0, x1, y1 = (int(v) for v in box)
    around = owner_HW[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2].ravel()
    around = around[around != number]
    if not around.size:
        return 0
    counts = np.bincount(around, minlength=1)
    best = int(counts.argmax())
    return best if counts[best] * 2 >= around.size else 0


def find_relations(
    canvas: Canvas, objects: list[LabelledObject], numbers: list[int]
) -> list[Relation]:
    """What stands on or inside what, and what is next to what.

    "next to" is kept once per pair, lower index first, and not between things already related.
    """
    owner_HW = np.ascontiguousarray(canvas.owner)
    place = {number: k for k, number in enumerate(numbers)}
    relations: list[Relation] = []
    related: set[tuple[int, int]] = set()
    for k, (thing, number) in enumerate(zip(objects, numbers, strict=True)):
        other = place.get(_under(owner_HW, thing.box_xyxy_px, number))
        if other is None or thing.label in REGION_LABELS:
            continue
        label = objects[other].label
        if label in SURFACES:
            relations.append(Relation(k, "on", other))
            related.add((min(k, other), max(k, other)))
        elif label in ENCLOSURES:
            relations.append(Relation(k, "inside", other))
            related.add((min(k, other), max(k, other)))
    for a in range(len(objects)):
        for b in range(a + 1, len(objects)):
            gap = _gap(objects[a].box_xyxy_px, objects[b].box_xyxy_px)
            if (a, b) not in related and gap <= NEXT_TO_SHARE * canvas.size_px:
                relations.append(Relation(a, "next to", b))
    return relations
