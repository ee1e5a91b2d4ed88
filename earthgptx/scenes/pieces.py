"""What was seen in one tile, placed in the scene.

Outlines follow the edges of the scene's pixels exactly, so pieces of neighbouring tiles unite
without slivers and their areas are counts of pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.masks import BoxXyxyPx, MaskHW, paste_window_mask
from earthgptx.imagery.polygons import pixel_outlines, polygons_of
from earthgptx.imagery.windows import Window
from earthgptx.scenes.model import TileInstance, TileView
from earthgptx.scenes.tile_plan import TilePlan

Shape: TypeAlias = Polygon | MultiPolygon


@dataclass(frozen=True)
class Piece:
    """A thing as one tile shows it.

    Attributes:
        window_xyxy_px: the tile, in pixels of the scene.
        label: its class.
        score: 0 to 1.
        caption: what is said of it; may be empty.
        seen_px: all that the tile shows of it: its outline, or its box, in pixels of the scene.
        shape_px: what of that is trusted; of a box all.
        is_mask: False where only a box is known.
        is_cut: its box ends at an edge of the tile that is not the scene's: it may go on.
    """

    window_xyxy_px: BoxXyxyPx
    label: str
    score: float
    caption: str
    seen_px: Shape
    shape_px: Shape
    is_mask: bool
    is_cut: bool


def pieces_of(view: TileView, instances: Iterable[TileInstance], plan: TilePlan) -> Iterator[Piece]:
    """The tile's things in the scene.

    Masks are cut to the trusted part of the tile and to where there is data; boxes to the scene.
    They are placed one by one: masks are large, and only one is held at a time.

    Args:
        view: the tile as it was shown.
        instances: what the model saw in it.
        plan: the grid.

    Raises:
        ImageryError: an instance has neither mask nor box, a mask of another size than the tile, a
            box that is none, or a score that is none (field "instances").
    """
    for instance in instances:
        piece = _placed(instance, view, plan)
        if piece is not None:
            yield piece


def _placed(instance: TileInstance, view: TileView, plan: TilePlan) -> Piece | None:
    if not (np.isfinite(instance.score) and 0 <= instance.score <= 1):
        raise ImageryError("instances", f"have the score {instance.score}", "0 to 1")
    if instance.mask_HW is not None:
        seen_px = _outline(instance.mask_HW, view, plan)
        shape_px = None if seen_px is None else trusted_part(seen_px, view.tile.trusted_xyxy_px)
        is_cut = False
    else:
        seen_px, is_cut = _box(instance, view, plan)
        shape_px = seen_px
    if seen_px is None or shape_px is None:
        return None
    return Piece(
        view.tile.window_xyxy_px,
        instance.label.strip(),
        float(instance.score),
        instance.caption.strip(),
        seen_px,
        shape_px,
        instance.mask_HW is not None,
        is_cut,
    )


def _outline(mask_HW: MaskHW, view: TileView, plan: TilePlan) -> Shape | None:
    side_px = plan.tile_px
    if mask_HW.shape != (side_px, side_px):
        raise ImageryError("instances", f"have a mask {mask_HW.shape}", f"{side_px} x {side_px} px")
    if view.valid_HW is not None:
        mask_HW = mask_HW & view.valid_HW
    tile = view.tile
    if tile.side_px != side_px:
        logits_hw = np.where(mask_HW, np.float32(0.5), np.float32(-0.5))
        whole = Window(0, 0, tile.side_px)
        mask_HW = paste_window_mask(logits_hw, whole, tile.side_px, tile.side_px)
    inside_HW = mask_HW[: plan.height_px - tile.y0_px, : plan.width_px - tile.x0_px]
    outlines = [shapely.make_valid(outline) for outline in pixel_outlines(inside_HW)]
    seen_px = united(outlines)
    return None if seen_px is None else translate(seen_px, tile.x0_px, tile.y0_px)


def trusted_part(seen_px: Shape, trusted_xyxy_px: BoxXyxyPx) -> Shape | None:
    """What lies in a rectangle; the shape itself where all of it does, None where nothing does."""
    left, top, right, bottom = trusted_xyxy_px
    x0, y0, x1, y1 = seen_px.bounds
    if left <= x0 and top <= y0 and x1 <= right and y1 <= bottom:
        return seen_px
    return united([seen_px.intersection(shapely.box(*trusted_xyxy_px))])


def united(shapes: Sequence[shapely.Geometry]) -> Shape | None:
    """One valid shape of several; None if it has no area."""
    parts = polygons_of(shapely.union_all(list(shapes)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _box(instance: TileInstance, view: TileView, plan: TilePlan) -> tuple[Shape | None, bool]:
    """The box inside the scene, and whether the tile may have cut it."""
    if instance.box_xyxy_px is None:
        raise ImageryError("instances", "have neither mask nor box", "one of them")
    x0, y0, x1, y1 = instance.box_xyxy_px
    if not (np.isfinite([x0, y0, x1, y1]).all() and x0 < x1 and y0 < y1):
        raise ImageryError("instances", f"have the box {instance.box_xyxy_px}", "x0 < x1, y0 < y1")
    tile = view.tile
    scale = tile.side_px / plan.tile_px
    left, right = sorted((max(x0, 0.0) * scale, min(x1, plan.tile_px) * scale))
    top, bottom = sorted((max(y0, 0.0) * scale, min(y1, plan.tile_px) * scale))
    left, right = tile.x0_px + left, min(tile.x0_px + right, plan.width_px)
    top, bottom = tile.y0_px + top, min(tile.y0_px + bottom, plan.height_px)
    if left >= right or top >= bottom:
        return None, False
    size_px = (plan.width_px, plan.height_px)
    box = (left, top, right, bottom)
    return shapely.box(*box), is_cut_off(box, tile.window_xyxy_px, size_px, scale)


def is_cut_off(
    box_xyxy_px: BoxXyxyPx, window_xyxy_px: BoxXyxyPx, size_px: tuple[int, int], pixel_px: float
) -> bool:
    """Whether a box ends at an edge of what was looked at that is not the scene's.

    Args:
        box_xyxy_px: in pixels of the scene.
        window_xyxy_px: what was looked at.
        size_px: width and height of the scene.
        pixel_px: side of a pixel as it was shown, in pixels of the scene: nearer is at the edge.
    """
    x0, y0, x1, y1 = box_xyxy_px
    left, top, right, bottom = window_xyxy_px
    return (
        (left > 0 and x0 < left + pixel_px)
        or (top > 0 and y0 < top + pixel_px)
        or (x1 < size_px[0] and x1 > right - pixel_px)
        or (y1 < size_px[1] and y1 > bottom - pixel_px)
    )
