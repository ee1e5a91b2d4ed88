"""render, export_masks: regions as pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.mask_scaling import share_inside
from earthgptx.imagery.masks import MaskHW
from services.orchestrator.task_work.arguments import (
    Arguments,
    flag_in,
    regions_in,
    text_in,
    view_in,
)
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.outlines import (
    MOST_PIXELS,
    PixelBoxXyxyPx,
    inside_box,
    mask_of,
    pixel_box,
    strips_in,
)
from services.orchestrator.task_work.scene_reader import PixelsHWC
from services.orchestrator.task_work.views import Frame, frame_of
from shared.errors import InvalidInput
from workflow_language.region_sets import BoxXyxyPx, Region, sort_regions
from workflow_language.values import MaskPixels, Value

PNG = "image/png"
PICTURE_PX = 2048
# More would hide the picture; files of map data have them all.
MOST_BOXES = 200
# More masks are united by label: each costs a picture of its own while it is drawn.
MOST_MASKS = 48
MOST_NUMBERS = 65_535


async def render(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Draws regions over a view, 2048 px at most; of boxes the surest 200."""
    view, regions = view_in(arguments, "image"), regions_in(arguments, "regions")
    pixels_HWC = await context.pixels(view, PICTURE_PX)
    style, with_labels = text_in(arguments, "style"), flag_in(arguments, "labels")
    frame = frame_of(view, pixels_HWC.shape[1])
    png = await context.draw(drawn_png, pixels_HWC, frame, regions, style, with_labels)
    return {"file": await context.write(".png", PNG, png)}


async def export_masks(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes masks of one scene, numbered from 1 in their order, the smaller above the larger."""
    masks = regions_in(arguments, "masks")
    sizes = {(mask_of(each).height_px, mask_of(each).width_px) for each in masks}
    if len(sizes) != 1 or len({each.image_id for each in masks}) != 1:
        what = "there are no masks" if not masks else "the masks are of several scenes"
        advice = "masks of one scene; say when: $masks.count > 0 where there may be none"
        raise InvalidInput(what, field="masks", limit=advice)
    if len(masks) > MOST_NUMBERS:
        raise InvalidInput(
            f"there are {len(masks)} masks", field="masks", limit=f"{MOST_NUMBERS} masks"
        )
    png = await context.draw(_numbered_png, masks)
    return {"file": await context.write(".png", PNG, png)}


def drawn_png(
    pixels_HWC: PixelsHWC,
    frame: Frame,
    regions: Sequence[Region],
    style: str,
    with_labels: bool,
) -> bytes:
    """A picture with regions over it.

    Args:
        pixels_HWC: uint8 [H, W, 3].
        frame: where the scene lies in it.
        regions: in pixels of the scene.
        style: "outline", "filled", or "boxes", which shows masks as boxes too.
        with_labels: tags with their labels.

    Raises:
        ImageryError: a mask is malformed (field "mask").
    """
    shape_hw = pixels_HWC.shape[:2]
    masked: list[Region] = []
    boxed: list[Region] = []
    for region in regions:
        as_mask = style != "boxes" and isinstance(region.mask, MaskPixels)
        # Of a thing beyond the picture, the tag would stand at the picture's edge.
        if _is_seen(frame.to_picture(region.box_xyxy_px), shape_hw):
            (masked if as_mask else boxed).append(region)
    picture = draw_overlay(
        pixels_HWC,
        boxes=[
            (_tag(region, with_labels), frame.to_picture(region.box_xyxy_px))
            for region in sort_regions(boxed, "score", at_most=MOST_BOXES)
        ],
        masks=_masks(masked, frame, shape_hw, with_labels),
        filled=style == "filled",
    )
    return png_of(picture)


def png_of(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _is_seen(box_xyxy_px: BoxXyxyPx, shape_hw: tuple[int, ...]) -> bool:
    x0, y0, x1, y1 = box_xyxy_px
    return x0 < shape_hw[1] and y0 < shape_hw[0] and x1 > 0 and y1 > 0


def _tag(region: Region, with_labels: bool) -> str:
    return (region.label or "") if with_labels else ""


def _masks(
    regions: Sequence[Region], frame: Frame, shape_hw: tuple[int, ...], with_labels: bool
) -> list[tuple[str, MaskHW]]:
    """The masks as the picture shows them; by label together where there are many."""
    if len(regions) <= MOST_MASKS:
        return [(_tag(r, with_labels), mask_in_picture([r], frame, shape_hw)) for r in regions]
    by_label: dict[str, list[Region]] = {}
    for region in regions:
        by_label.setdefault(_tag(region, with_labels), []).append(region)
    return [(tag, mask_in_picture(each, frame, shape_hw)) for tag, each in by_label.items()]


def mask_in_picture(regions: Sequence[Region], frame: Frame, shape_hw: tuple[int, ...]) -> MaskHW:
    """Their pixels in the picture: bool [H, W]."""
    mask_HW: MaskHW = np.zeros(shape_hw, np.bool_)
    seen_xyxy_px = frame.to_scene((0.0, 0.0, float(shape_hw[1]), float(shape_hw[0])))
    for region in regions:
        # Only what the picture shows: a large mask enlarged as a whole would fill the memory.
        x0, y0, x1, y1 = _common(pixel_box(region), seen_xyxy_px)
        if x0 >= x1 or y0 >= y1:  # its box is not that of its pixels
            continue
        left, top, right, bottom = (round(side) for side in frame.to_picture((x0, y0, x1, y1)))
        size = (max(right - left, 1), max(bottom - top, 1))
        if frame.scale < 1:
            shown = share_inside(strips_in(region, (x0, y0, x1, y1)), (x0, y0, x1, y1), size)
        else:
            part = inside_box(region, (x0, y0, x1, y1)).astype(np.uint8)
            shown = cv2.resize(part, size, interpolation=cv2.INTER_NEAREST).astype(np.float64)
        # A thing smaller than a pixel of the picture is still seen; a half is not always met.
        _paint(mask_HW, shown >= min(0.5 - 1e-6, float(shown.max()) or 1.0), left, top)
    return mask_HW


def _common(box_xyxy_px: PixelBoxXyxyPx, seen_xyxy_px: BoxXyxyPx) -> PixelBoxXyxyPx:
    """The whole pixels of a box that are seen."""
    return (
        max(box_xyxy_px[0], math.floor(seen_xyxy_px[0])),
        max(box_xyxy_px[1], math.floor(seen_xyxy_px[1])),
        min(box_xyxy_px[2], math.ceil(seen_xyxy_px[2])),
        min(box_xyxy_px[3], math.ceil(seen_xyxy_px[3])),
    )


def _paint(mask_HW: MaskHW, part_HW: npt.NDArray[np.bool_], left: int, top: int) -> None:
    """Adds a part at a place that may reach beyond the mask."""
    rows, columns = part_HW.shape
    into = mask_HW[max(top, 0) : max(top + rows, 0), max(left, 0) : max(left + columns, 0)]
    seen = part_HW[max(-top, 0) :, max(-left, 0) :]
    into |= seen[: into.shape[0], : into.shape[1]]


def _numbered_png(masks: Sequence[Region]) -> bytes:
    """16 bits a pixel, 0 where there is none."""
    whole = mask_of(masks[0])
    if whole.height_px * whole.width_px > MOST_PIXELS:
        raise InvalidInput(
            f"the scene is {whole.width_px} x {whole.height_px} px",
            field="masks",
            limit=f"{MOST_PIXELS} px; export_geojson writes those of larger scenes",
        )
    numbers_HW: npt.NDArray[np.uint16] = np.zeros((whole.height_px, whole.width_px), np.uint16)
    by_area = sorted(enumerate(masks, start=1), key=lambda pair: -(pair[1].area_px or 0))
    for number, region in by_area:
        box = pixel_box(region)
        numbers_HW[box[1] : box[3], box[0] : box[2]][inside_box(region, box)] = number
    return png_of(Image.fromarray(numbers_HW))
