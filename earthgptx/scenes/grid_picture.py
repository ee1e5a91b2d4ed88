"""The overview with the grid of tiles on it: what a plan means, to be looked at."""

from __future__ import annotations

from itertools import pairwise

from PIL import Image, ImageDraw

from earthgptx.scenes.overview import Overview
from earthgptx.scenes.tile_plan import BoxXyxyPx, Tile, TilePlan

_LINE = (255, 255, 255)
_TILE = (255, 196, 61)
_TRUSTED = (64, 196, 255)


def draw_grid(overview: Overview, plan: TilePlan) -> Image.Image:
    """Lines in the middle of the tiles' overlaps; one tile in full.

    Args:
        overview: of the scene.
        plan: its grid.

    Returns:
        RGB, as large as the overview. The tile in the middle is yellow, the part of it in which
        masks are kept is blue.
    """
    picture = Image.fromarray(overview.pixels_HWC)
    pen = ImageDraw.Draw(picture)
    across, down = picture.width / plan.width_px, picture.height / plan.height_px
    for x in _middles(plan.xs_px, plan.side_px):
        pen.line((x * across, 0, x * across, picture.height), _LINE)
    for y in _middles(plan.ys_px, plan.side_px):
        pen.line((0, y * down, picture.width, y * down), _LINE)
    middle = _middle_tile(plan)
    for box, colour in ((middle.window_xyxy_px, _TILE), (middle.trusted_xyxy_px, _TRUSTED)):
        pen.rectangle(_scaled(box, across, down), outline=colour, width=2)
    return picture


def _middles(starts_px: tuple[int, ...], side_px: int) -> list[float]:
    """Where one tile's part ends and the next one's begins."""
    return [(start + side_px + following) / 2 for start, following in pairwise(starts_px)]


def _middle_tile(plan: TilePlan) -> Tile:
    row, column = len(plan.ys_px) // 2, len(plan.xs_px) // 2
    return next(tile for tile in plan.tiles() if (tile.row, tile.column) == (row, column))


def _scaled(box: BoxXyxyPx, across: float, down: float) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return (x0 * across, y0 * down, x1 * across - 1, y1 * down - 1)
