"""SSDD (official release): ships in SAR images, with boxes, oriented boxes and outlines.

1,160 images of about 500x350 px from RadarSat-2, TerraSAR-X and Sentinel-1 (1 to 15 m), 2,456
ships (Zhang et al. 2021, doi:10.3390/rs13183690). Licence: none stated; for research.

Layout of ``Official-SSDD-OPEN``: four folders of the same images, of which the richest that is
there is read (``BBox_RBox_PSeg_SSDD``, ``RBox_SSDD``, ``PSeg_SSDD``, ``BBox_SSDD``)::

    BBox_RBox_PSeg_SSDD/voc_style/JPEGImages/000001.jpg
    BBox_RBox_PSeg_SSDD/voc_style/Annotations/000001.xml   bndbox, rotated_bndbox, segm
    BBox_RBox_PSeg_SSDD/voc_style/ImageSets/Main/{train,test}.txt

Each variant also has a ``coco_style`` folder, which the format "coco" reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.voc import read_voc
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, read_lines
from earthgptx.data.labelled_image import LabelledImage

ORIGIN = Origin("SSDD", "not stated (research)", "sar")
SPLITS = ("train", "test")
_VARIANTS = ("BBox_RBox_PSeg_SSDD", "RBox_SSDD", "PSeg_SSDD", "BBox_SSDD")


def _voc_folder(root: Path) -> Path | None:
    """The richest variant's folder, whether ``root`` is the release or one variant."""
    folders = [root / variant / "voc_style" for variant in _VARIANTS] + [root / "voc_style"]
    return next((folder for folder in folders if folder.is_dir()), None)


def recognises(root: Path) -> bool:
    """By a variant's folder ``voc_style``."""
    return _voc_folder(root) is not None


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Every image of a split with its ships; all of them are annotated."""
    folder = _voc_folder(root)
    if folder is None:
        raise DataError(f"{root}: no folder voc_style of SSDD")
    for name in (split,) if split else SPLITS:
        ids = (line for _, line in read_lines(folder / "ImageSets" / "Main" / f"{name}.txt"))
        yield from each(ids, partial(_image, folder), report)


def _image(folder: Path, image_id: str) -> LabelledImage:
    read = read_voc(folder / "Annotations" / f"{image_id}.xml")
    return ORIGIN.image(
        folder / "JPEGImages" / f"{image_id}.jpg",
        image_id,
        read.size_px,
        objects=read.things,
        exhaustive=frozenset({"ship"}),
    )


FORMAT = Format(
    about="SAR, ships, boxes, oriented boxes and masks",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    images=images,
)
