"""Detection tile by tile, as scenes are searched: small things in images larger than a view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import shapely

from earthgptx.evaluation.answerer import Answerer, Prediction
from earthgptx.evaluation.samples import Sample, pixels_rgb
from earthgptx.imagery.masks import BoxXyxyPx
from earthgptx.imagery.windows import Window
from earthgptx.model.question import Question
from earthgptx.scenes.pieces import Piece, is_cut_off
from earthgptx.scenes.stitching import Stitcher, merged_shape
from earthgptx.scenes.tile_plan import Tile, plan_tiles


def detect_in_tiles(
    answerer: Answerer, samples: Iterable[Sample], tile_px: int
) -> Iterator[Prediction]:
    """Asks each tile of each sample's image; boxes of one thing in several tiles are one.

    Args:
        answerer: what is asked.
        samples: of the task "detect".
        tile_px: side of a tile in pixels of the image.
    """
    for sample in samples:
        image = sample.image
        plan = plan_tiles(image, tile_px)
        tiles, pixels_HWC = list(plan.tiles()), pixels_rgb(image)
        questions = [
            Question(pixels_HWC, sample.question, (), image.modality, _window(tile))
            for tile in tiles
        ]
        stitcher = Stitcher[Piece]()
        for tile, answered in zip(tiles, answerer.answer_all(questions), strict=True):
            boxes = [box for _, group in answered.boxes for box in group]
            size_px = (image.width_px, image.height_px)
            stitcher.add(tile, (_piece(tile, size_px, box, n) for n, box in enumerate(boxes)))
        merged = (merged_shape(group).bounds for group in stitcher.groups())
        yield Prediction(boxes=tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in merged))


def _window(tile: Tile) -> Window:
    return Window(float(tile.x0_px), float(tile.y0_px), float(tile.side_px))


def _piece(tile: Tile, size_px: tuple[int, int], box_xyxy_px: BoxXyxyPx, place: int) -> Piece:
    shape_px = shapely.box(*box_xyxy_px)
    cut = is_cut_off(box_xyxy_px, tile.window_xyxy_px, size_px, 1.0)
    # An answer tells the surest box first.
    return Piece(
        tile.window_xyxy_px, "", 1 / (1 + place), "", shape_px, shape_px, is_mask=False, is_cut=cut
    )
