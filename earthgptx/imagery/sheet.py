"""Several pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

TILE_PX = 420
_GAP_PX = 10
_PAPER = (255, 255, 255)


def sheet_of(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """The pictures side by side, each ``TILE_PX`` wide, in rows of ``columns``."""
    tiles = [_at_width(picture) for picture in pictures]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) + _GAP_PX for row in rows]
    width = _GAP_PX + min(len(tiles), columns) * (TILE_PX + _GAP_PX)
    sheet = Image.new("RGB", (width, _GAP_PX + sum(heights)), _PAPER)
    top = _GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (_GAP_PX + column * (TILE_PX + _GAP_PX), top))
        top += height
    return sheet


def _at_width(picture: Image.Image) -> Image.Image:
    height = round(picture.height * TILE_PX / picture.width)
    return picture.resize((TILE_PX, height), Image.Resampling.LANCZOS)
