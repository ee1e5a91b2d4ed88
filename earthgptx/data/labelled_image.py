"""The one truth record: an image with everything that is known about it.

Every source (synthetic scenes, COCO folders, dataset adapters) yields these; instructions
(questions with answers) and evaluation samples are made from them.

Coordinates are pixels of the image, origin at its top left corner, x right, y down; boxes are
(x0, y0, x1, y1) with x1, y1 exclusive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Modality = Literal["optical", "sar", "infrared"]
MODALITIES: tuple[Modality, ...] = ("optical", "sar", "infrared")

PixelsHWC = npt.NDArray[np.uint8]
MaskHW = npt.NDArray[np.bool_]
BoxXyxyPx = tuple[float, float, float, float]
BoxXyxyUnit = tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelledObject:
    """One thing in an image.

    Attributes:
        label: class name in words, lower case ("ground track field").
        box_xyxy_px: tight box.
        mask: compressed COCO RLE ({"size": [H, W], "counts": str}) or None where unknown.
        colour: colour word visible in an optical rendering, or None.
        size: "small", "medium" or "large" relative to its class, or None where unknown.
        stuff: the mask covers a substance (road, forest, water), not one countable thing.
        polygon_xy_px: outline or oriented corners where the source gives them.
    """

    label: str
    box_xyxy_px: BoxXyxyPx
    mask: dict[str, object] | None = None
    colour: str | None = None
    size: str | None = None
    stuff: bool = False
    polygon_xy_px: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True)
class Relation:
    """``objects[subject]`` stands in ``kind`` to ``objects[other]``.

    Kinds that geometry alone decides (left of, right of, above, below) are derived where they
    are needed; only what needs scene knowledge is stored: "next to", "inside", "on".
    """

    subject: int
    kind: Literal["next to", "inside", "on"]
    other: int


@dataclass(frozen=True)
class LabelledImage:
    """An image and its truth.

    Attributes:
        image_id: unique within its source.
        modality: what the sensor saw.
        load_pixels: returns uint8 [H, W, 3] (optical) or [H, W, 1] (SAR, infrared), display range.
        exhaustive: labels of which *every* instance in the image is annotated; only these may be
            asked to be counted, or be said to be absent.
        mostly_annotated: labels of which some instances may lack: enough to learn to draw all, too
            few to count or to say that there is none.
        absent_stuff: substances that are certainly nowhere in the image.
        scene: words for the whole image ("airport"), or None where unknown.
        image_label: a label that holds for the whole image (a vehicle chip), or None.
        group: place, flight or event; a split keeps a group on one side.
        gsd_m: ground sampling distance in metres, None where unknown.
        cut_xyxy_unit: which part of another image it shows, in 0..1 of that one's width and height;
            beyond where it is padded. All of it where it was not cut.
    """

    image_id: str
    source: str
    licence: str
    modality: Modality
    width_px: int
    height_px: int
    load_pixels: Callable[[], PixelsHWC]
    objects: tuple[LabelledObject, ...] = ()
    relations: tuple[Relation, ...] = ()
    exhaustive: frozenset[str] = field(default_factory=frozenset)
    mostly_annotated: frozenset[str] = field(default_factory=frozenset)
    absent_stuff: frozenset[str] = field(default_factory=frozenset)
    scene: str | None = None
    image_label: str | None = None
    group: str | None = None
    gsd_m: float | None = None
    cut_xyxy_unit: BoxXyxyUnit = (0.0, 0.0, 1.0, 1.0)
