"""Square views of labelled images: cut by a window, turned and mirrored, truth and all.

Everything a view shows of the truth is in the view's own pixels. Pixels are cut when asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from earthgptx.data.labelled_image import (
    BoxXyxyPx,
    BoxXyxyUnit,
    LabelledImage,
    LabelledObject,
    MaskHW,
    PixelsHWC,
    Relation,
)
from earthgptx.imagery.masks import decode_rle, encode_rle, mask_box_xyxy_px
from earthgptx.imagery.windows import Window, cut_window

# A thing of which less shows is not one that anybody should name.
LEAST_VISIBLE_SHARE = 0.3
LEAST_AREA_PX = 6
# A close look that shows less of the image teaches the padding around it: windows of an image that
# is no square, and crops at an image's rim.
LEAST_IMAGE_SHARE = 0.5


def is_mostly_padding(image: LabelledImage, window: Window) -> bool:
    """Whether less than half of the window is image, and less of it than of the whole image padded.

    Of a strip even the whole is mostly padding: what shows as much of it is as good a look.
    """
    width_px, height_px = image.width_px, image.height_px
    whole_share = min(width_px, height_px) / max(width_px, height_px)
    spans_px = [
        max(min(start + window.side_px, length) - max(start, 0.0), 0.0)
        for start, length in ((window.x0_px, width_px), (window.y0_px, height_px))
    ]
    share = spans_px[0] * spans_px[1] / window.side_px**2
    return share < min(LEAST_IMAGE_SHARE, whole_share)


def windowed(image: LabelledImage, window: Window, side_px: int) -> LabelledImage:
    """What ``image`` looks like through ``window``, resampled to a square of ``side_px``.

    Things of which less than 30 % (or 6 pixels) show are dropped, with their relations; what of
    them still shows makes their label one of which not every instance is known. Of a substance
    any 6 pixels stay.
    """
    kept, things, hinted = [], [], set()
    for index, thing in enumerate(image.objects):
        seen = _through(thing, image, window, side_px)
        if seen is not None:
            kept.append(index)
            things.append(seen)
        elif _shows(thing.box_xyxy_px, window, side_px):
            hinted.add(thing.label)
    return replace(
        image,
        image_id=f"{image.image_id}@{window.x0_px:g},{window.y0_px:g},{window.side_px:g}",
        width_px=side_px,
        height_px=side_px,
        load_pixels=lambda: cut_window(image.load_pixels(), window, side_px),
        objects=tuple(things),
        relations=_relations_among(image.relations, kept),
        exhaustive=image.exhaustive - hinted,
        mostly_annotated=image.mostly_annotated - hinted,
        gsd_m=None if image.gsd_m is None else image.gsd_m * window.side_px / side_px,
        cut_xyxy_unit=in_whole(_window_unit(image, window), image.cut_xyxy_unit),
    )


def in_whole(box_unit: BoxXyxyUnit, cut_xyxy_unit: BoxXyxyUnit) -> BoxXyxyUnit:
    """A box in 0..1 of what was cut, in 0..1 of what it was cut from."""
    left, top, right, bottom = cut_xyxy_unit
    width, height = right - left, bottom - top
    x0, y0, x1, y1 = box_unit
    return (left + x0 * width, top + y0 * height, left + x1 * width, top + y1 * height)


def _window_unit(image: LabelledImage, window: Window) -> BoxXyxyUnit:
    width_px, height_px = image.width_px, image.height_px
    right_px, bottom_px = window.x0_px + window.side_px, window.y0_px + window.side_px
    x0, y0 = window.x0_px / width_px, window.y0_px / height_px
    return (x0, y0, right_px / width_px, bottom_px / height_px)


def _shows(box: BoxXyxyPx, window: Window, side_px: int) -> bool:
    """More than a speck of the box lies in the window."""
    scale = side_px / window.side_px
    x0, y0 = max(box[0] - window.x0_px, 0.0), max(box[1] - window.y0_px, 0.0)
    x1, y1 = (
        min(box[2] - window.x0_px, window.side_px),
        min(box[3] - window.y0_px, window.side_px),
    )
    return max(x1 - x0, 0.0) * max(y1 - y0, 0.0) * scale**2 >= LEAST_AREA_PX


def _through(
    thing: LabelledObject, image: LabelledImage, window: Window, side_px: int
) -> LabelledObject | None:
    scale = side_px / window.side_px
    x0, y0, x1, y1 = thing.box_xyxy_px
    moved = ((x0 - window.x0_px) * scale, (y0 - window.y0_px) * scale)
    box = (*moved, (x1 - window.x0_px) * scale, (y1 - window.y0_px) * scale)
    clipped = tuple(min(max(v, 0.0), float(side_px)) for v in box)
    width, height = clipped[2] - clipped[0], clipped[3] - clipped[1]
    whole = (box[2] - box[0]) * (box[3] - box[1])
    # Of a substance any part is as good as the whole.
    share = 0.0 if thing.stuff else LEAST_VISIBLE_SHARE
    if width * height < max(share * whole, LEAST_AREA_PX):
        return None
    if thing.mask is None:
        inside: BoxXyxyPx = (clipped[0], clipped[1], clipped[2], clipped[3])
        return replace(thing, box_xyxy_px=inside, polygon_xy_px=None)
    mask_HW = decode_rle(image.height_px, image.width_px, str(thing.mask["counts"]))
    seen = cut_mask(mask_HW, window, side_px)
    area = int(seen.sum())
    tight = mask_box_xyxy_px(seen)
    if tight is None or area < max(LEAST_AREA_PX, share * mask_HW.sum() * scale**2):
        return None
    return replace(thing, box_xyxy_px=tight, mask=_compressed(seen), polygon_xy_px=None)


def cut_mask(mask_HW: MaskHW, window: Window, side_px: int) -> MaskHW:
    """The mask through the window; half covered counts as covered."""
    scale = side_px / window.side_px
    # Pixel centres, not corners, map onto each other: hence the half pixels.
    matrix = np.array(
        [
            [scale, 0, (0.5 - window.x0_px) * scale - 0.5],
            [0, scale, (0.5 - window.y0_px) * scale - 0.5],
        ]
    )
    if scale < 0.75:
        cut = cut_window(mask_HW.astype(np.uint8)[..., None] * 255, window, side_px)
        return np.asarray(cut[..., 0] >= 128)
    warped = cv2.warpAffine(
        mask_HW.astype(np.uint8) * 255, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR
    )
    return np.asarray(warped >= 128)


def _compressed(mask_HW: MaskHW) -> dict[str, object]:
    height, width, counts = encode_rle(mask_HW)
    return {"size": [height, width], "counts": counts}


def _relations_among(relations: tuple[Relation, ...], kept: list[int]) -> tuple[Relation, ...]:
    new = {old: number for number, old in enumerate(kept)}
    return tuple(
        Relation(new[r.subject], r.kind, new[r.other])
        for r in relations
        if r.subject in new and r.other in new
    )


def dihedral(image: LabelledImage, turn: int) -> LabelledImage:
    """One of the eight turns and mirrorings of a square image; 0 leaves it as it is.

    Bit 2 mirrors left and right first, then ``turn & 3`` quarter turns counter-clockwise.

    Raises:
        ValueError: the image is not square.
    """
    if image.width_px != image.height_px:
        raise ValueError(f"{image.image_id} is not square")
    if turn == 0:
        return image
    side = image.width_px

    def turned(array: PixelsHWC | MaskHW) -> PixelsHWC | MaskHW:
        mirrored = array[:, ::-1] if turn & 4 else array
        return np.ascontiguousarray(np.rot90(mirrored, turn & 3))

    return replace(
        image,
        load_pixels=lambda: turned(image.load_pixels()),  # type: ignore[arg-type,return-value,unused-ignore]
        objects=tuple(_turned_thing(thing, side, turn, turned) for thing in image.objects),
        # As if all that it was cut from had been turned.
        cut_xyxy_unit=_turned_box(image.cut_xyxy_unit, 1.0, turn),
    )


def _turned_thing(
    thing: LabelledObject,
    side: int,
    turn: int,
    turned: Callable[[PixelsHWC | MaskHW], PixelsHWC | MaskHW],
) -> LabelledObject:
    mask = thing.mask
    if mask is not None:
        mask = _compressed(turned(decode_rle(side, side, str(mask["counts"]))))  # type: ignore[arg-type]
    box = _turned_box(thing.box_xyxy_px, side, turn)
    return replace(thing, box_xyxy_px=box, mask=mask, polygon_xy_px=None)


def _turned_box(box: BoxXyxyPx, side: float, turn: int) -> BoxXyxyPx:
    x0, y0, x1, y1 = box
    if turn & 4:
        x0, x1 = side - x1, side - x0
    for _ in range(turn & 3):
        x0, y0, x1, y1 = y0, side - x1, y1, side - x0
    return (x0, y0, x1, y1)
