"""The overview with what was found drawn on it, a colour for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize

from earthgptx.exports.class_summary import ClassSummary, summarise
from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.masks import BoxXyxyPx, MaskHW
from earthgptx.scenes.interpret import SceneResult
from earthgptx.scenes.whole_file import whole_file

# More boxes would hide the picture; the vector files have them all.
MOST_BOXES = 200


def write_overlay(result: SceneResult, path: Path, *, overwrite: bool = False) -> None:
    """Writes a PNG: masks united by class, boxes one by one (the best 200), counts below.

    Args:
        result: what was found.
        path: the file to make.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written; nothing is left of it.
    """
    summary = summarise(result)
    picture = draw_overlay(
        result.overview.pixels_HWC,
        boxes=_boxes(result),
        masks=_masks(result),
        captions=[("Found", "; ".join(map(_in_words, summary)) or "nothing")],
    )
    with whole_file(path, overwrite=overwrite) as unfinished:
        picture.save(unfinished, format="PNG")


def _in_words(one: ClassSummary) -> str:
    area = "" if one.area_m2 is None else f", {one.area_m2:,.0f} sq m"
    return f"{one.label}: {one.count}{area}"


def _masks(result: SceneResult) -> list[tuple[str, MaskHW]]:
    shape_hw = result.overview.pixels_HWC.shape[:2]
    to_scene = Affine.scale(
        result.header.width_px / shape_hw[1], result.header.height_px / shape_hw[0]
    )
    shapes: dict[str, list[shapely.Geometry]] = {}
    for found in result.objects:
        if found.is_mask:
            shapes.setdefault(found.label, []).append(found.shape_px)
    # All touched pixels: a thing smaller than a pixel of the overview is still seen.
    return [
        (
            label,
            rasterize(
                parts, out_shape=shape_hw, transform=to_scene, all_touched=True, dtype=np.uint8
            )
            > 0,
        )
        for label, parts in sorted(shapes.items())
    ]


def _boxes(result: SceneResult) -> list[tuple[str, BoxXyxyPx]]:
    height, width = result.overview.pixels_HWC.shape[:2]
    across, down = width / result.header.width_px, height / result.header.height_px
    boxed = sorted((o for o in result.objects if not o.is_mask), key=lambda o: -o.score)
    return [
        (o.label, (x0 * across, y0 * down, x1 * across, y1 * down))
        for o in boxed[:MOST_BOXES]
        for x0, y0, x1, y1 in [o.box_xyxy_px]
    ]
