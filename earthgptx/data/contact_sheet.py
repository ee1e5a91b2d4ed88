"""A contact sheet: some images of a dataset with their truth drawn on them, to be looked at."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from earthgptx.data.labelled_image import LabelledImage, LabelledObject, PixelsHWC
from earthgptx.data.records import InstructionRecord
from earthgptx.data.segmentation import Rle, rle_of
from earthgptx.imagery.captions import font_of
from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.masks import MaskHW, decode_rle
from earthgptx.words import plural

CELL_PX = 360
TEXT_PX = 14
LINES = 3
COLUMNS = 4
_LETTERS = 48
_INK = (20, 20, 20)


class ContactSheet:
    """Keeps some of what it is shown, each with the same chance, and draws them.

    Labelled images and records are kept apart, so that a set with both shows both.
    """

    def __init__(self, most: int = 12, seed: int = 0) -> None:
        self._most = most
        self._rng = np.random.default_rng(seed)
        self._kept: dict[type, list[LabelledImage | InstructionRecord]] = {}
        self._shown: Counter[type] = Counter()

    def show(self, item: LabelledImage | InstructionRecord) -> None:
        """Reservoir sampling (Vitter 1985, algorithm R)."""
        kind = type(item)
        kept = self._kept.setdefault(kind, [])
        self._shown[kind] += 1
        if len(kept) < self._most:
            kept.append(item)
            return
        place = int(self._rng.integers(self._shown[kind]))
        if place < self._most:
            kept[place] = item

    def save(self, path: Path) -> int:
        """Draws what was kept; returns how many cells there are.

        Raises:
            DataError: a picture cannot be read any more.
            OSError: the sheet cannot be written.
        """
        items = [item for kept in self._kept.values() for item in kept]
        rows = max(1, -(-len(items) // COLUMNS))
        cell_height = CELL_PX + LINES * (TEXT_PX + 4)
        sheet = Image.new("RGB", (COLUMNS * CELL_PX, rows * cell_height), "white")
        for number, item in enumerate(items):
            row, column = divmod(number, COLUMNS)
            sheet.paste(_cell(item), (column * CELL_PX, row * cell_height))
        sheet.save(path)
        return len(items)


def _cell(item: LabelledImage | InstructionRecord) -> Image.Image:
    image, picture, lines = (
        _drawn_record(item) if isinstance(item, InstructionRecord) else _drawn_image(item)
    )
    picture.thumbnail((CELL_PX - 8, CELL_PX - 8))
    cell = Image.new("RGB", (CELL_PX, CELL_PX + LINES * (TEXT_PX + 4)), "white")
    cell.paste(picture, ((CELL_PX - picture.width) // 2, (CELL_PX - picture.height) // 2))
    pen = ImageDraw.Draw(cell)
    for number, line in enumerate((image.image_id, *lines)[:LINES]):
        at = (4, CELL_PX + number * (TEXT_PX + 4))
        pen.text(at, line[:_LETTERS], fill=_INK, font=font_of(TEXT_PX))
    return cell


def _drawn_image(image: LabelledImage) -> tuple[LabelledImage, Image.Image, list[str]]:
    masks, boxes = [], []
    for thing in image.objects:
        outline = _outline(thing, image)
        if outline is None:
            boxes.append((thing.label, thing.box_xyxy_px))
        else:
            masks.append((thing.label, _mask(outline, image)))
    counts = Counter(thing.label for thing in image.objects)
    told = ", ".join(f"{n} {label if n == 1 else plural(label)}" for label, n in counts.items())
    whole = image.image_label or image.scene or ""
    picture = draw_overlay(_three_channels(image.load_pixels()), boxes=boxes, masks=masks)
    return image, picture, [line for line in (whole, told) if line]


def _outline(thing: LabelledObject, image: LabelledImage) -> Rle | None:
    """The mask, else what lies between the oriented corners."""
    if thing.mask is not None or thing.polygon_xy_px is None:
        return thing.mask
    flat = [value for corner in thing.polygon_xy_px for value in corner]
    return rle_of([flat], image.width_px, image.height_px)


def _drawn_record(record: InstructionRecord) -> tuple[LabelledImage, Image.Image, list[str]]:
    picture = draw_overlay(
        _three_channels(record.image.load_pixels()),
        regions=record.marks,
        boxes=[("", box) for boxes in record.boxes for box in boxes],
        masks=[("", _mask(mask, record.image)) for mask in record.masks if mask is not None],
    )
    return record.image, picture, [f"Q {record.question}", f"A {record.answer}"]


def _mask(rle: Rle, image: LabelledImage) -> MaskHW:
    return decode_rle(image.height_px, image.width_px, str(rle["counts"]))


def _three_channels(pixels_HWC: PixelsHWC) -> PixelsHWC:
    return np.ascontiguousarray(np.broadcast_to(pixels_HWC, (*pixels_HWC.shape[:2], 3)))
