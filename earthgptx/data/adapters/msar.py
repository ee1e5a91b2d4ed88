"""MSAR-1.0: four kinds of targets in SAR chips.

28,449 chips of 256x256 px (some bridges 2048x2048) from HISEA-1 and Gaofen-3, all four
polarisations: 39,858 ships, 12,319 oil tanks, 6,368 aircraft, 1,851 bridges (Chen et al. 2022,
Journal of Radars, radars.ac.cn/web/data/getData?dataType=MSAR). Licence: none stated; for
research. Grey pictures in three channels, JPEG.

Layout::

    JPEGImages/01.jpg
    Annotations/01.xml     VOC, bndbox

A chip was cut for what stands in it, and other kinds are not always labelled: only the labels a
chip has are taken for complete in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.voc import read_voc
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each
from earthgptx.data.labelled_image import LabelledImage

ORIGIN = Origin("MSAR-1.0", "not stated (research)", "sar")


def recognises(root: Path) -> bool:
    """VOC's two folders and no list of a split beside them (DIOR-RSVG has lists)."""
    annotations = root / "Annotations"
    return (
        (root / "JPEGImages").is_dir()
        and annotations.is_dir()
        and next(annotations.glob("*.xml"), None) is not None
        and not (root / "train.txt").exists()
    )


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Every chip with its targets."""
    paths = sorted((root / "Annotations").glob("*.xml"))
    if not paths:
        raise DataError(f"{root / 'Annotations'}: no annotations")
    return each(paths, partial(_image, root), report)


def _image(root: Path, path: Path) -> LabelledImage:
    read = read_voc(path)
    return ORIGIN.image(
        root / "JPEGImages" / f"{path.stem}.jpg",
        path.stem,
        read.size_px,
        objects=read.things,
        exhaustive=frozenset(thing.label for thing in read.things),
    )


FORMAT = Format(
    about="SAR, ships, aircraft, oil tanks and bridges, boxes",
    licence=ORIGIN.licence,
    splits=(),
    recognises=recognises,
    images=images,
)
