"""RefSegRS: referring segmentation of vehicles, roads and buildings in aerial tiles.

4,420 triplets over 285 scenes of SkyScapes (13 cm), cut to tiles of 512x512 px; expressions made by
templates from 14 categories and their attributes (Yuan et al. 2024, doi:10.1109/TGRS.2024.3369720).
2,172 train, 431 val, 1,817 test. Licence: CC BY 4.0.

Layout::

    images/12.tif     RGB
    masks/12.tif      one band; what is above 50 is inside
    output_phrase_{train,val,test}.txt    "12 vehicle in the parking area" a line

The mask is the union of everything the expression names: it is a substance as well as things.
There are no classes: the expression is the only label, and ``images()`` gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.pixels import load_pixels
from earthgptx.data.adapters.referring import phrasing_rng
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, named, read_lines
from earthgptx.data.instructions.phrasings import fill
from earthgptx.data.records import MASK_PLACE, InstructionRecord
from earthgptx.imagery.masks import encode_rle

ORIGIN = Origin("RefSegRS", "CC BY 4.0", gsd_m=0.13)
SPLITS = ("train", "val", "test")
# The authors' own loader takes what is above for inside.
THRESHOLD = 50


def recognises(root: Path) -> bool:
    """By its lists of phrases."""
    return any((root / f"output_phrase_{split}.txt").is_file() for split in SPLITS)


def records(root: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """Masks by expression."""
    for name in (split,) if split else SPLITS:
        path = root / f"output_phrase_{name}.txt"
        if split or path.exists():
            yield from each(read_lines(path), partial(_record, root, path, name), report)


def _record(root: Path, path: Path, split: str, line: tuple[int, str]) -> InstructionRecord:
    number, text = line
    with named(path, f"line {number}"):
        tile, _, phrase = text.partition(" ")
        if not phrase.strip():
            raise ValueError("no expression")
        image = ORIGIN.image(root / "images" / f"{tile}.tif", tile)
        mask_path = root / "masks" / f"{tile}.tif"
        mask_HW = load_pixels(mask_path, "optical")[..., 0] > THRESHOLD
        if mask_HW.shape != (image.height_px, image.width_px):
            raise DataError(f"{mask_path}: {mask_HW.shape} is not the size of its image")
        height, width, counts = encode_rle(mask_HW)
        name = f"{ORIGIN.source}/{split}/{number}"
        return InstructionRecord(
            name,
            image,
            "refer_mask",
            fill("segment", phrasing_rng(name), phrase=phrase.strip()),
            f"<p>{phrase.strip()}</p>{MASK_PLACE}",
            masks=({"size": [height, width], "counts": counts},),
            split=split,
        )


FORMAT = Format(
    about="aerial optical, referring expressions with masks",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    records=records,
)
