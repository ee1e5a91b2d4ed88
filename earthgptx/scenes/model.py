"""What a model is to this package: something that looks at tiles and says what it sees there.

B tiles of a batch, H W rows and columns of a tile as shown (``tile_px`` each).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.masks import BoxXyxyPx, MaskHW
from earthgptx.imagery.read import ValidHW
from earthgptx.scenes.overview import Overview
from earthgptx.scenes.tile_plan import Tile


@dataclass(frozen=True)
class TileView:
    """A tile as the model sees it.

    Attributes:
        tile: where it lies.
        pixels_HWC: uint8 [H, W, 3]; 0 where there is no data or no scene.
        valid_HW: where there is data; None where everywhere.
        gsd_m: ground sampling distance of these pixels; 0 if not known.
    """

    tile: Tile
    pixels_HWC: npt.NDArray[np.uint8]
    valid_HW: ValidHW | None
    gsd_m: float


@dataclass(frozen=True)
class TileInstance:
    """One thing seen in a tile.

    Attributes:
        label: its class.
        score: 0 to 1.
        mask_HW: bool [H, W] of the tile as shown; None where only a box is known.
        box_xyxy_px: in pixels of the tile as shown; may be None where there is a mask.
        caption: what is said of it; may be empty.
    """

    label: str
    score: float
    mask_HW: MaskHW | None = None
    box_xyxy_px: BoxXyxyPx | None = None
    caption: str = ""


class TileModel(Protocol):
    """Looks at a batch of tiles."""

    def __call__(self, views: Sequence[TileView]) -> Sequence[Iterable[TileInstance]]:
        """What is seen in each, in the same order; deterministic in each tile's pixels.

        Instances are taken one by one: where masks are made only then (a generator, a run-length
        code that is decoded), a batch of crowded tiles needs no memory for all of them.
        """
        ...


class SceneDescriber(Protocol):
    """Looks at the whole scene, small."""

    def __call__(self, overview: Overview) -> str:
        """The scene in words."""
        ...
