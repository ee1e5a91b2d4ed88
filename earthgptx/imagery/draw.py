"""A picture of a question and its answer: what was marked, and what was found where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from earthgptx.imagery.captions import Colour, Labels, with_captions
from earthgptx.imagery.mark_shapes import (
    DEFAULT_SCRIBBLE_SHARE,
    BoxMark,
    Mark,
    MaskMark,
    PointMark,
    Region,
    ScribbleMark,
    VertexXyPx,
    region_extent_xyxy_px,
)
from earthgptx.imagery.masks import MaskHW, decode_rle, mask_box_xyxy_px

BoxXyxyPx = tuple[float, float, float, float]
PixelsHWC = npt.NDArray[np.uint8]

# Small images are enlarged to this width, large ones shrunk to this longer side.
_LEAST_WIDTH_PX = 768
_MOST_SIDE_PX = 2048
# Far from each other in hue, all clear of the greens and browns of the ground.
COLOURS: tuple[Colour, ...] = (
    (255, 86, 119),
    (64, 196, 255),
    (255, 196, 61),
    (190, 120, 255),
    (72, 232, 164),
    (255, 140, 66),
    (120, 140, 255),
    (240, 98, 218),
    (196, 240, 66),
    (66, 226, 226),
)
_MARK: Colour = (255, 255, 255)
_HALO: Colour = (10, 12, 16)
_FILL_SHARE = 0.28
_SHIFT_BITS = 4


def draw_overlay(
    pixels_HWC: PixelsHWC,
    regions: Sequence[Region] = (),
    boxes: Sequence[tuple[str, BoxXyxyPx]] = (),
    masks: Sequence[tuple[str, MaskHW]] = (),
    captions: Sequence[tuple[str, str]] = (),
    *,
    filled: bool = True,
) -> Image.Image:
    """Draws marks in white with their numbers, and what was found in colours with its words.

    Args:
        pixels_HWC: uint8 [H, W, 3], what was shown to the model. Enlarged to 768 px of width if
            narrower; shrunk to 2048 px if larger.
        regions: what the user marked, in pixels of the image, numbered from 1.
        boxes: (phrase, box in pixels of the image) each; equal phrases share a colour.
        masks: (phrase, bool [H, W]) each; a mask without a phrase has a colour of its own.
        captions: (heading, text) each, e.g. ("Question", ...) and ("Answer", ...): set below the
            image, wrapped.
        filled: masks are tinted, not only outlined.

    Returns:
        RGB image.
    """
    canvas = _Canvas.over(pixels_HWC)
    colours = _colours_of([phrase for phrase, _ in (*masks, *boxes)])
    coloured_masks = list(zip(masks, colours[: len(masks)], strict=True))
    coloured_boxes = list(zip(boxes, colours[len(masks) :], strict=True))
    # The largest first, so that nothing is hidden under a larger mask.
    for (_, mask_HW), colour in sorted(coloured_masks, key=lambda m: -int(m[0][1].sum())):
        canvas.mask(mask_HW, colour, _FILL_SHARE if filled else 0.0)
    for (_, found_box), colour in coloured_boxes:
        canvas.box(found_box, colour)
    for region in regions:
        for mark in region.marks:
            canvas.mark(mark)
    image = Image.fromarray(canvas.pixels_HWC)
    labels = Labels(image, canvas.text_px)
    for number, region in enumerate(regions, start=1):
        labels.badge(str(number), canvas.scaled(region_extent_xyxy_px(region)[:2]))
    boxed_phrases = {phrase for phrase, _ in boxes}
    for (phrase, mask_HW), colour in coloured_masks:
        box = mask_box_xyxy_px(mask_HW)
        if phrase and box and phrase not in boxed_phrases:
            labels.tag(phrase, canvas.scaled(box), colour)
    for (phrase, found_box), colour in coloured_boxes:
        if phrase:
            labels.tag(phrase, canvas.scaled(found_box), colour)
    return with_captions(image, captions, round(canvas.text_px * 1.2))


def _colours_of(phrases: list[str]) -> list[Colour]:
    """A colour each; equal phrases share one."""
    keys = [phrase or f"#{i}" for i, phrase in enumerate(phrases)]
    order = list(dict.fromkeys(keys))
    return [COLOURS[order.index(key) % len(COLOURS)] for key in keys]


@dataclass
class _Canvas:
    """The picture at the size it is shown; all shapes come in pixels of the image."""

    pixels_HWC: PixelsHWC
    scale: float
    image_longer_px: int

    @classmethod
    def over(cls, pixels_HWC: PixelsHWC) -> _Canvas:
        height, width = pixels_HWC.shape[:2]
        scale = max(1.0, _LEAST_WIDTH_PX / width)
        scale = min(scale, _MOST_SIDE_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown_HWC = cv2.resize(pixels_HWC, size, interpolation=method).astype(np.uint8, copy=False)
        return cls(shown_HWC, scale, max(height, width))

    @property
    def text_px(self) -> int:
        return max(15, round(int(self.pixels_HWC.shape[1]) / 50))

    @property
    def line_px(self) -> int:
        return max(2, round(int(self.pixels_HWC.shape[1]) / 420))

    def scaled(self, coordinates: Sequence[float]) -> tuple[float, ...]:
        return tuple(value * self.scale for value in coordinates)

    def mask(self, mask_HW: MaskHW, colour: Colour, fill_share: float = _FILL_SHARE) -> None:
        """A see-through fill with an outline."""
        if not mask_HW.any():
            return
        size = (self.pixels_HWC.shape[1], self.pixels_HWC.shape[0])
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        coverage = cv2.resize(mask_HW.astype(np.float32), size, interpolation=method)
        if self.scale > 1:
            # Rounds the steps that enlarged pixels would leave.
            coverage = cv2.GaussianBlur(coverage, (0, 0), self.scale * 0.8)
        if fill_share:
            self._tint(coverage, colour, fill_share)
        inside = (coverage >= min(0.5, float(coverage.max()))).astype(np.uint8)
        outlines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for thickness, ink in ((self.line_px + 2, _HALO), (self.line_px, colour)):
            cv2.drawContours(self.pixels_HWC, outlines, -1, ink, thickness, cv2.LINE_AA)

    def _tint(self, coverage_HW: npt.NDArray[Any], colour: Colour, share: float) -> None:
        alpha = coverage_HW[..., None] * np.float32(share)
        mixed = self.pixels_HWC * (1 - alpha) + np.array(colour, np.float32) * alpha
        self.pixels_HWC[...] = np.rint(mixed)

    def box(self, box: BoxXyxyPx, colour: Colour) -> None:
        x0, y0, x1, y1 = box
        self._line(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), colour, closed=True)

    def mark(self, mark: Mark) -> None:
        if isinstance(mark, PointMark):
            self._crosshair((mark.x_px, mark.y_px))
        elif isinstance(mark, BoxMark):
            self.box((mark.x0_px, mark.y0_px, mark.x1_px, mark.y1_px), _MARK)
        elif isinstance(mark, MaskMark):
            self.mask(decode_rle(mark.height_px, mark.width_px, mark.counts), _MARK)
        elif isinstance(mark, ScribbleMark):
            self._stroke(mark)
        else:
            fill = np.zeros(self.pixels_HWC.shape[:2], np.uint8)
            cv2.fillPoly(fill, [self._fixed_point(mark.vertices_xy_px)], 255, 16, _SHIFT_BITS)
            self._tint(fill / np.float32(255), _MARK, 0.18)
            self._line(mark.vertices_xy_px, _MARK, closed=True)

    def _fixed_point(self, vertices: Sequence[VertexXyPx]) -> npt.NDArray[np.int32]:
        at = np.array(vertices, np.float64) * self.scale - 0.5
        return np.rint(at * (1 << _SHIFT_BITS)).astype(np.int32)

    def _line(self, vertices: Sequence[VertexXyPx], colour: Colour, *, closed: bool) -> None:
        line = [self._fixed_point(vertices)]
        for thickness, ink in ((self.line_px + 2, _HALO), (self.line_px, colour)):
            cv2.polylines(self.pixels_HWC, line, closed, ink, thickness, cv2.LINE_AA, _SHIFT_BITS)

    def _stroke(self, mark: ScribbleMark) -> None:
        """As wide as it was drawn, half see-through, round at its ends."""
        stroke_px = (mark.width_px or self.image_longer_px * DEFAULT_SCRIBBLE_SHARE) * self.scale
        stroke = np.zeros(self.pixels_HWC.shape[:2], np.uint8)
        line = self._fixed_point(mark.vertices_xy_px)
        width = max(self.line_px, round(stroke_px))
        cv2.polylines(stroke, [line], False, 255, width, cv2.LINE_AA, _SHIFT_BITS)
        for x, y in line[[0, -1]].tolist():
            radius = width * (1 << _SHIFT_BITS) // 2
            cv2.circle(stroke, (x, y), radius, 255, cv2.FILLED, cv2.LINE_AA, _SHIFT_BITS)
        halo = cv2.dilate(stroke, np.ones((3, 3), np.uint8))
        self._tint(halo / np.float32(255), _HALO, 0.55)
        self._tint(stroke / np.float32(255), _MARK, 0.8)

    def _crosshair(self, at: VertexXyPx) -> None:
        """A ring with four ticks; what it points at stays free."""
        ((x, y),) = self._fixed_point([at]).tolist()
        ring = round(self.text_px * 0.62 * (1 << _SHIFT_BITS))
        for thickness, ink in ((self.line_px + 2, _HALO), (self.line_px, _MARK)):
            cv2.circle(self.pixels_HWC, (x, y), ring, ink, thickness, cv2.LINE_AA, _SHIFT_BITS)
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                start = (x + round(0.55 * dx * ring), y + round(0.55 * dy * ring))
                end = (x + round(1.6 * dx * ring), y + round(1.6 * dy * ring))
                cv2.line(self.pixels_HWC, start, end, ink, thickness, cv2.LINE_AA, _SHIFT_BITS)
