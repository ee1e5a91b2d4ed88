"""Marks as the model sees them: one map of all marks by kind, and where each region is.

Letters: K kinds of marks (point, box, polygon, scribble, mask), S side of the model's view in
pixels, R regions, G = S // 4 side of the grid on which regions are pooled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.imagery.mark_shapes import (
    DEFAULT_SCRIBBLE_SHARE,
    MARK_KINDS,
    BoxMark,
    Mark,
    MaskMark,
    PointMark,
    Region,
    ScribbleMark,
    VertexXyPx,
    mark_kind,
    region_extent_xyxy_px,
)
from earthgptx.imagery.masks import decode_rle
from earthgptx.imagery.windows import Window, cut_window, to_window_unit

KIND_COUNT = len(MARK_KINDS)
GRID_STRIDE_PX = 4
# A point is a gaussian disc of this radius on the grid, cut off where it has fallen to exp(-2).
POINT_RADIUS_CELLS = 3.0
_POINT_SIGMA_CELLS = POINT_RADIUS_CELLS / 2
# OpenCV draws no wider strokes; one of this width covers every view.
_WIDEST_STROKE_PX = 32_767
# Fractional bits of coordinates handed to OpenCV's drawing.
_SHIFT_BITS = 4

CanvasSS = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PromptRaster:
    """All marks of a request in one window.

    Attributes:
        map_KSS: float32 in 0..1; channel k shows the marks of kind k of all regions.
        kinds_RK: float32, 1 where a region has a mark of the kind.
        boxes_R4: float32 (x0, y0, x1, y1) of each region's extent, 0..1 across the window, clipped.
        places_R4: the same, 0..1 of the full image's width and height.
        weights_RGG: float32 in 0..1, the highest of each region 1: where it is. Never all 0: a
            region outside the window is moved to its rim.
    """

    map_KSS: npt.NDArray[np.float32]
    kinds_RK: npt.NDArray[np.float32]
    boxes_R4: npt.NDArray[np.float32]
    places_R4: npt.NDArray[np.float32]
    weights_RGG: npt.NDArray[np.float32]


def rasterise_regions(
    regions: Sequence[Region], window: Window, side_px: int, image_w: int, image_h: int
) -> PromptRaster:
    """Draws the regions into the model's view of a window.

    Boxes, polygons, masks and strokes are filled, their rims by coverage; points are gaussian
    discs (a point has no size, but a network needs more than one pixel to see it).

    Args:
        regions: validated marks in pixels of the full image.
        window: what the model looks at.
        side_px: S, a multiple of 4.
        image_w: width of the full image in pixels.
        image_h: height of the full image in pixels.
    """
    grid_side = side_px // GRID_STRIDE_PX
    maps_KSS = np.zeros((KIND_COUNT, side_px, side_px), np.uint8)
    kinds_RK = np.zeros((len(regions), KIND_COUNT), np.float32)
    boxes_R4 = np.zeros((len(regions), 4), np.float32)
    places_R4 = np.zeros((len(regions), 4), np.float32)
    weights_RGG = np.zeros((len(regions), grid_side, grid_side), np.float32)
    view = _View(window, side_px, max(image_w, image_h) * DEFAULT_SCRIBBLE_SHARE)
    for r, region in enumerate(regions):
        extent = region_extent_xyxy_px(region)
        boxes_R4[r] = to_window_unit((extent[:2], extent[2:]), window).clip(0, 1).reshape(4)
        places_R4[r] = (np.array(extent) / (image_w, image_h, image_w, image_h)).clip(0, 1)
        canvas = np.zeros((side_px, side_px), np.uint8)
        for mark in region.marks:
            kind = MARK_KINDS.index(mark_kind(mark))
            kinds_RK[r, kind] = 1
            view.draw(mark, canvas, maps_KSS[kind])
        weights_RGG[r] = _grid_weights(canvas, boxes_R4[r], grid_side)
    map_KSS = np.multiply(maps_KSS, np.float32(1 / 255))
    return PromptRaster(map_KSS, kinds_RK, boxes_R4, places_R4, weights_RGG)


def _grid_weights(
    canvas: CanvasSS, box_unit: npt.NDArray[np.float32], grid_side: int
) -> npt.NDArray[np.float32]:
    """The canvas averaged to the grid, its highest value 1; the box's middle if it is empty."""
    weights = cv2.resize(canvas, (grid_side, grid_side), interpolation=cv2.INTER_AREA)
    highest = int(weights.max())
    if highest == 0:
        x, y = ((box_unit[:2] + box_unit[2:]) / 2 * grid_side).astype(int).clip(0, grid_side - 1)
        weights[y, x] = highest = 255
    return np.multiply(weights, np.float32(1 / highest))


@dataclass(frozen=True)
class _View:
    window: Window
    side_px: int
    default_stroke_px: float

    def draw(self, mark: Mark, canvas: CanvasSS, map_SS: CanvasSS) -> None:
        """Adds the mark to its region's canvas and to its kind's map; the stronger one stays."""
        if isinstance(mark, PointMark):
            self._draw_point(mark, canvas, map_SS)
        elif isinstance(mark, BoxMark):
            self._draw_box(mark, canvas, map_SS)
        elif isinstance(mark, MaskMark):
            mask_HW = decode_rle(mark.height_px, mark.width_px, mark.counts).view(np.uint8) * 255
            seen = cut_window(mask_HW, self.window, self.side_px)
            np.maximum(canvas, seen, out=canvas)
            np.maximum(map_SS, seen, out=map_SS)
        elif isinstance(mark, ScribbleMark):
            wanted_px = (mark.width_px or self.default_stroke_px) * self._scale
            stroke_px = min(wanted_px, _WIDEST_STROKE_PX)
            for target in (canvas, map_SS):
                self._draw_stroke(mark.vertices_xy_px, stroke_px, target)
        else:
            ring = self._fixed_point(mark.vertices_xy_px)
            for target in (canvas, map_SS):
                cv2.fillPoly(target, [ring], 255, cv2.LINE_AA, _SHIFT_BITS)

    @property
    def _scale(self) -> float:
        return self.side_px / self.window.side_px

    def _fixed_point(self, vertices_xy_px: Sequence[VertexXyPx]) -> npt.NDArray[np.int32]:
        """View pixels for OpenCV, which has pixel centres at whole numbers."""
        at = to_window_unit(vertices_xy_px, self.window) * self.side_px - 0.5
        return np.rint(at * (1 << _SHIFT_BITS)).astype(np.int32)

    def _draw_stroke(
        self, vertices_xy_px: Sequence[VertexXyPx], stroke_px: float, target: CanvasSS
    ) -> None:
        line = self._fixed_point(vertices_xy_px)
        if len(line) > 1:
            cv2.polylines(
                target, [line], False, 255, max(1, round(stroke_px)), cv2.LINE_AA, _SHIFT_BITS
            )
        radius = round(max(stroke_px, 1.0) / 2 * (1 << _SHIFT_BITS))
        # OpenCV rounds thin strokes' ends away; a single vertex has no line at all.
        for x, y in (line[0].tolist(), line[-1].tolist()):
            cv2.circle(target, (x, y), radius, 255, cv2.FILLED, cv2.LINE_AA, _SHIFT_BITS)

    def _draw_point(self, mark: PointMark, canvas: CanvasSS, map_SS: CanvasSS) -> None:
        x, y = to_window_unit((mark.x_px, mark.y_px), self.window).clip(0, 1) * self.side_px
        reach = POINT_RADIUS_CELLS * GRID_STRIDE_PX
        x0, x1 = max(math.floor(x - reach), 0), min(math.ceil(x + reach), self.side_px)
        y0, y1 = max(math.floor(y - reach), 0), min(math.ceil(y + reach), self.side_px)
        dx2 = (np.arange(x0, x1) + 0.5 - x) ** 2
        dy2 = (np.arange(y0, y1) + 0.5 - y) ** 2
        distance2 = dy2[:, None] + dx2
        sigma = _POINT_SIGMA_CELLS * GRID_STRIDE_PX
        disc = np.exp(distance2 * (-0.5 / sigma**2)) * (distance2 <= reach**2)
        _keep_stronger((disc * 255).astype(np.uint8), (x0, y0), canvas, map_SS)

    def _draw_box(self, mark: BoxMark, canvas: CanvasSS, map_SS: CanvasSS) -> None:
        corners = ((mark.x0_px, mark.y0_px), (mark.x1_px, mark.y1_px))
        seen = to_window_unit(corners, self.window).clip(0, 1) * self.side_px
        (fx0, fy0), (fx1, fy1) = seen.tolist()
        x0, y0, x1, y1 = math.floor(fx0), math.floor(fy0), math.ceil(fx1), math.ceil(fy1)
        if x1 <= x0 or y1 <= y0:
            return
        cover_x = np.minimum(np.arange(x0, x1) + 1, fx1) - np.maximum(np.arange(x0, x1), fx0)
        cover_y = np.minimum(np.arange(y0, y1) + 1, fy1) - np.maximum(np.arange(y0, y1), fy0)
        filled = np.ceil(cover_y[:, None] * cover_x * 255).astype(np.uint8)
        _keep_stronger(filled, (x0, y0), canvas, map_SS)


def _keep_stronger(patch: CanvasSS, corner_xy: tuple[int, int], *targets: CanvasSS) -> None:
    x, y = corner_xy
    height, width = patch.shape
    for target in targets:
        part = target[y : y + height, x : x + width]
        np.maximum(part, patch, out=part)
