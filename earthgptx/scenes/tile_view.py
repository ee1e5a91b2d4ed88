"""One tile as the model sees it: read, shown by the scene's rules, brought to the model's size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window as PixelWindow

from earthgptx.imagery.display import show
from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.stretch import Stretch
from earthgptx.imagery.windows import Window, cut_window
from earthgptx.scenes.model import TileView
from earthgptx.scenes.scene import Scene
from earthgptx.scenes.tile_plan import Tile, TilePlan, read_side_px


def view_tile(scene: Scene, stretch: Stretch, plan: TilePlan, tile: Tile) -> TileView | None:
    """The tile's pixels; None where it has no data at all.

    Resized as images are (``cut_window``), after they are shown, as in training.

    Raises:
        DamagedImage: the scene cannot be read there (field "image").
    """
    width_px = min(tile.side_px, plan.width_px - tile.x0_px)
    height_px = min(tile.side_px, plan.height_px - tile.y0_px)
    read_px = read_side_px(plan)
    ratio = read_px / tile.side_px
    shape_hw = None
    if ratio < 1:
        shape_hw = (max(1, round(height_px * ratio)), max(1, round(width_px * ratio)))
    part = scene.read(PixelWindow(tile.x0_px, tile.y0_px, width_px, height_px), shape_hw)
    if part.valid_HW is not None and not part.valid_HW.any():
        return None
    pixels_HWC = show(part.bands_CHW, part.valid_HW, scene.channels, stretch)
    return TileView(
        tile,
        cut_window(pixels_HWC, Window(0, 0, read_px), plan.tile_px),
        _valid_as_shown(part.valid_HW, pixels_HWC.shape[:2], read_px, plan.tile_px),
        plan.gsd_m,
    )


def _valid_as_shown(
    valid_HW: ValidHW | None, shape_hw: tuple[int, ...], read_px: int, tile_px: int
) -> ValidHW | None:
    """Where at least half of a shown pixel has data and lies in the scene."""
    if valid_HW is None and shape_hw == (read_px, read_px):
        return None
    inside: npt.NDArray[np.uint8] = np.full(shape_hw, 255, np.uint8)
    if valid_HW is not None:
        inside[~valid_HW] = 0
    shown_HW: ValidHW = cut_window(inside, Window(0, 0, read_px), tile_px) >= 128
    return shown_HW
