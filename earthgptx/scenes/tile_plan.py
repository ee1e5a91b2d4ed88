"""Which squares of a scene the model looks at, at what ground resolution.

A tile is a square of ``side_px`` pixels of the scene that is shown to the model as ``tile_px``
pixels. Tiles overlap; where they do, both must see the same things for these to be told as one.
Of each tile the rim (a quarter of the overlap) is not trusted, but at the scene's own border: there
the model sees cut things without their surroundings. The trusted parts still overlap by half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from earthgptx.imagery.errors import ImageryError

# More would only show enlarged pixels.
MAX_ENLARGEMENT = 4.0
_SHARE_NOT_TRUSTED = 0.25

BoxXyxyPx = tuple[int, int, int, int]


class Extent(Protocol):
    """What a plan has to know of a scene, e.g. its header."""

    @property
    def width_px(self) -> int:
        """Columns."""

    @property
    def height_px(self) -> int:
        """Rows."""

    @property
    def gsd_m(self) -> float | None:
        """Ground sampling distance; None or 0 if not known."""


@dataclass(frozen=True)
class Tile:
    """A square of the scene.

    Attributes:
        row: of the grid, from 0.
        column: of the grid, from 0.
        x0_px: left edge, in pixels of the scene.
        y0_px: top edge.
        side_px: may reach beyond a scene that is smaller than a tile.
        trusted_xyxy_px: the part of it, inside the scene, in which masks are kept.
    """

    row: int
    column: int
    x0_px: int
    y0_px: int
    side_px: int
    trusted_xyxy_px: BoxXyxyPx

    @property
    def window_xyxy_px(self) -> BoxXyxyPx:
        """All of it."""
        return (self.x0_px, self.y0_px, self.x0_px + self.side_px, self.y0_px + self.side_px)


@dataclass(frozen=True)
class TilePlan:
    """A grid of tiles over a scene.

    Attributes:
        width_px: of the scene.
        height_px: of the scene.
        tile_px: side of what the model is shown.
        side_px: side of a tile in pixels of the scene.
        overlap_px: of neighbouring tiles, in pixels of the scene; larger at the far borders.
        offset_px: how far the grid is moved to the left and up.
        gsd_m: ground sampling distance of what the model is shown; 0 if not known.
        resampling: what is done to the scene's pixels, in words.
    """

    width_px: int
    height_px: int
    tile_px: int
    side_px: int
    overlap_px: int
    offset_px: int
    gsd_m: float
    resampling: str

    @property
    def xs_px(self) -> tuple[int, ...]:
        """Left edges of the columns."""
        return _starts(self.width_px, self.side_px, self.overlap_px, self.offset_px)

    @property
    def ys_px(self) -> tuple[int, ...]:
        """Top edges of the rows."""
        return _starts(self.height_px, self.side_px, self.overlap_px, self.offset_px)

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self.xs_px) * len(self.ys_px)

    def tiles(self) -> Iterator[Tile]:
        """All of them, row by row."""
        columns = [(x, *self._trusted(x, self.width_px)) for x in self.xs_px]
        for row, y in enumerate(self.ys_px):
            top, bottom = self._trusted(y, self.height_px)
            for column, (x, left, right) in enumerate(columns):
                yield Tile(row, column, x, y, self.side_px, (left, top, right, bottom))

    def _trusted(self, start_px: int, length_px: int) -> tuple[int, int]:
        """First and last (exclusive) trusted pixel of a tile along one axis."""
        rim_px = int(self.overlap_px * _SHARE_NOT_TRUSTED)
        stop_px = start_px + self.side_px
        return (
            start_px + rim_px if start_px > 0 else 0,
            stop_px - rim_px if stop_px < length_px else length_px,
        )


def plan_tiles(
    scene: Extent,
    tile_px: int = 512,
    model_gsd_m: float = 0.0,
    overlap: float = 0.25,
    offset: float = 0.0,
) -> TilePlan:
    """The grid for a scene.

    Args:
        scene: its header.
        tile_px: side of what the model is shown.
        model_gsd_m: ground sampling distance the model is best at; 0: show pixels as they are. It
            is met as near as whole pixels allow, but pixels are never enlarged more than
            ``MAX_ENLARGEMENT`` times.
        overlap: share of a tile's side, up to a half.
        offset: share of a tile's side by which the grid is moved.

    Raises:
        ImageryError: the tile is too small or would cover less than 16 px of the scene, or a share
            is out of range (field "tiles").
    """
    if not (0.0 < overlap <= 0.5 and 0.0 <= offset < 1.0):
        raise ImageryError(
            "tiles", f"overlap by {overlap:g}, moved by {offset:g}", "0 to 0.5, and 0 to 1"
        )
    if tile_px < 64 or model_gsd_m < 0:
        raise ImageryError("tiles", f"of {tile_px} px at {model_gsd_m:g} m", "64 px, 0 m or more")
    plan = tile_grid(scene, tile_px, model_gsd_m, overlap, offset)
    return replace(plan, overlap_px=max(plan.overlap_px, 4))


def tile_grid(
    scene: Extent, tile_px: int, model_gsd_m: float, overlap: float, offset: float
) -> TilePlan:
    """The grid of ``plan_tiles``, whatever the overlap (below 1): without, nothing is stitched."""
    gsd_m = scene.gsd_m or 0.0
    factor = model_gsd_m / gsd_m if model_gsd_m and gsd_m else 1.0
    factor = max(factor, 1 / MAX_ENLARGEMENT)
    side_px = max(round(tile_px * factor), 16)
    return TilePlan(
        width_px=scene.width_px,
        height_px=scene.height_px,
        tile_px=tile_px,
        side_px=side_px,
        overlap_px=round(side_px * overlap),
        offset_px=round(side_px * offset),
        gsd_m=gsd_m * side_px / tile_px,
        resampling=_resampling(gsd_m, model_gsd_m, side_px / tile_px),
    )


def resampling_in_words(gsd_m: float | None, factor: float) -> str:
    """What is done to a scene's pixels when they are shown.

    Args:
        gsd_m: ground sampling distance of the scene; None or 0 if not known.
        factor: side of a pixel as it is shown, in pixels of the scene.
    """
    if factor == 1:
        return "none: pixels are shown as they are"
    how = "averaged over areas" if factor > 1 else "enlarged, bilinear"
    if gsd_m:
        return f"{how}, {gsd_m:g} m to {gsd_m * factor:.3g} m a pixel"
    return f"{how}, a pixel shown is {factor:.3g} px of the scene"


def _resampling(gsd_m: float, model_gsd_m: float, factor: float) -> str:
    if not model_gsd_m:
        return resampling_in_words(gsd_m, 1.0)
    if not gsd_m:
        return (
            f"none: the scene's ground sampling is not known, so {model_gsd_m:g} m was not aimed at"
        )
    if factor == 1:
        return f"none: {gsd_m:g} m a pixel is what the model is best at"
    limit = model_gsd_m / gsd_m < 1 / MAX_ENLARGEMENT
    return f"{resampling_in_words(gsd_m, factor)} (the model's {model_gsd_m:g} m)" + (
        f"; not more than {MAX_ENLARGEMENT:g} times" if limit else ""
    )


def _starts(length_px: int, side_px: int, overlap_px: int, offset_px: int) -> tuple[int, ...]:
    """First pixels of the tiles along one axis; none ends beyond a scene that is large enough."""
    last_px = length_px - side_px
    if last_px <= 0:
        return (0,)
    stride_px = side_px - overlap_px
    # The grid goes on to the left of the scene, as far as a tile still shows some of it.
    first_px = -(offset_px % stride_px)
    raw = range(first_px, last_px + stride_px, stride_px)
    return tuple(sorted({min(max(start, 0), last_px) for start in raw}))
