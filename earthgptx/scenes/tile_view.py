"""A square of the scene as the model sees it: read, shown by the scene's rules, resampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window as PixelWindow

from earthgptx.imagery.display import show
from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.stretch import Stretch
from earthgptx.imagery.windows import Window, cut_window, touched_px
from earthgptx.scenes.model import TileView
from earthgptx.scenes.scene import Scene
from earthgptx.scenes.tile_plan import Tile, TilePlan

# What is shrunk more is averaged by GDAL to so many times the wanted side on its way.
_READ_FACTOR = 2


@dataclass(frozen=True)
class WindowView:
    """A square of the scene.

    Attributes:
        pixels_HWC: uint8 [S, S, 3]; 0 where there is no data and beyond the scene.
        valid_HW: where at least half of a pixel has data and lies in the scene; None: everywhere.
    """

    pixels_HWC: npt.NDArray[np.uint8]
    valid_HW: ValidHW | None


def view_tile(scene: Scene, stretch: Stretch, plan: TilePlan, tile: Tile) -> TileView | None:
    """The tile's pixels; None where it has no data at all.

    Raises:
        DamagedImage: the scene cannot be read there (field "image").
    """
    window = Window(tile.x0_px, tile.y0_px, tile.side_px)
    view = view_window(scene, stretch, window, plan.tile_px)
    return None if view is None else TileView(tile, view.pixels_HWC, view.valid_HW, plan.gsd_m)


def view_window(scene: Scene, stretch: Stretch, window: Window, side_px: int) -> WindowView | None:
    """A window's pixels at ``side_px``; None where it has no data at all.

    Resized as images are (``cut_window``), after they are shown, as in training. Never more is read
    than four times the pixels of the result, or the window as it is stored.

    Args:
        scene: an open scene.
        stretch: of the whole scene.
        window: may reach beyond the scene.
        side_px: side of the result.

    Raises:
        DamagedImage: the scene cannot be read there (field "image").
    """
    header = scene.header
    x0, y0, x1, y1 = touched_px(window, header.width_px, header.height_px)
    if x0 >= x1 or y0 >= y1:
        return None
    read_px = min(window.side_px, float(_READ_FACTOR * side_px))
    ratio = read_px / window.side_px
    shape_hw = None
    if ratio < 1:
        shape_hw = (max(1, round((y1 - y0) * ratio)), max(1, round((x1 - x0) * ratio)))
    part = scene.read(PixelWindow(x0, y0, x1 - x0, y1 - y0), shape_hw)
    if part.valid_HW is not None and not part.valid_HW.any():
        return None
    pixels_HWC = show(part.bands_CHW, part.valid_HW, scene.channels, stretch)
    seen = Window((window.x0_px - x0) * ratio, (window.y0_px - y0) * ratio, read_px)
    return WindowView(
        cut_window(pixels_HWC, seen, side_px),
        valid_as_shown(part.valid_HW, pixels_HWC.shape[:2], seen, side_px),
    )


def valid_as_shown(
    valid_HW: ValidHW | None, shape_hw: tuple[int, ...], seen: Window, side_px: int
) -> ValidHW | None:
    """Where at least half of a shown pixel has data and lies in the image.

    Args:
        valid_HW: of an image or of a part of one; None: everywhere.
        shape_hw: its rows and columns.
        seen: what is shown of it (``cut_window``).
        side_px: as how many pixels.

    Returns:
        bool [side_px, side_px]; None: everywhere.
    """
    if valid_HW is None and seen == Window(0, 0, shape_hw[0]) and shape_hw[0] == shape_hw[1]:
        return None
    inside: npt.NDArray[np.uint8] = np.full(shape_hw, 255, np.uint8)
    if valid_HW is not None:
        inside[~valid_HW] = 0
    shown_HW: ValidHW = cut_window(inside, seen, side_px) >= 128
    return shown_HW
