"""DIOR-RSVG: visual grounding, a box for each of 38,320 expressions about 17,402 DIOR images.

800x800 px, Google Earth, 20 classes, expressions of 7.5 words on average (Zhan et al. 2023,
doi:10.1109/TGRS.2023.3250471). Licence: none stated; the images are Google's.

Layout::

    JPEGImages/00001.jpg
    Annotations/00001.xml        VOC; every object has bndbox and description
    {train,val,test}.txt         a number a line

A split's numbers count the expressions (objects), from 0, over all annotation files in the order
of their names: its authors' loader numbers them by a walk of the folder. An image may therefore
stand in two splits; ``images(split)`` gives those with an expression in it, all their objects.
Only described objects are in the files: nothing is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.referring import referring_records
from earthgptx.data.adapters.voc import VocFile, read_voc
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, named, read_lines, read_xml
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord

ORIGIN = Origin("DIOR-RSVG", "not stated (images: Google Earth)")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class _Described:
    """One annotation file; ``splits[k]`` is where its k-th expression belongs, None if nowhere."""

    path: Path
    first_number: int
    read: VocFile
    image: LabelledImage
    splits: tuple[str | None, ...]

    def records(self, place: int) -> list[InstructionRecord]:
        """All that can be asked by the expression at ``place``."""
        bare = replace(self.image, objects=())
        text, thing = self.read.descriptions[place] or "", self.read.things[place]
        with named(self.path, f"object {place + 1}"):
            number = self.first_number + place
            return list(referring_records(bare, number, text, thing, self.splits[place]))


def recognises(root: Path) -> bool:
    """VOC's two folders with lists of the splits beside them."""
    lists = any((root / f"{split}.txt").is_file() for split in SPLITS)
    return lists and (root / "Annotations").is_dir() and (root / "JPEGImages").is_dir()


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Images with an expression in the split; objects are those that were described."""
    for described in _walk(root, report):
        if split is None or split in described.splits:
            yield described.image


def records(root: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """Boxes by expression, expressions and classes by box."""
    for described in _walk(root, report):
        places = [k for k, told in enumerate(described.splits) if split in (None, told)]
        for made in each(places, described.records, report):
            yield from made


def _walk(root: Path, report: Report) -> Iterator[_Described]:
    split_of = _numbers(root)
    first = 0
    paths = sorted((root / "Annotations").glob("*.xml"))
    if not paths:
        raise DataError(f"{root / 'Annotations'}: no annotations")
    for path in paths:
        # Counted first: what is wrong with one file must not shift the numbers of those after it.
        numbers = range(first, first + sum(1 for _ in read_xml(path).iter("object")))
        first = numbers.stop
        try:
            read = read_voc(path)
            picture = root / "JPEGImages" / read.filename
            image = ORIGIN.image(picture, path.stem, read.size_px, objects=read.things)
        except DataError as fault:
            report(fault)
            continue
        yield _Described(path, numbers.start, read, image, tuple(map(split_of.get, numbers)))


def _numbers(root: Path) -> dict[int, str]:
    """Split of each expression."""
    found: dict[int, str] = {}
    for split in SPLITS:
        path = root / f"{split}.txt"
        for line, text in read_lines(path) if path.exists() else ():
            with named(path, f"line {line}"):
                found[int(text)] = split
    return found


FORMAT = Format(
    about="optical, referring expressions with boxes, 20 classes of DIOR",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    images=images,
    records=records,
)
