"""DIOR and DIOR-R: object detection in optical images, upright and oriented boxes.

23,463 images of 800x800 px from Google Earth (0.5 to 30 m), 192,472 upright boxes of 20 classes
(Li et al. 2020, doi:10.1016/j.isprsjprs.2019.11.023); oriented boxes of the same objects by Cheng
et al. 2022 (doi:10.1109/TGRS.2022.3183022). Licence: none stated; the images are Google's.

Layout (as mmrotate and the sets' users keep it)::

    Annotations/Horizontal Bounding Boxes/00001.xml     VOC, bndbox
    Annotations/Oriented Bounding Boxes/00001.xml       VOC, robndbox with four corners
    ImageSets/Main/{train,val,test}.txt                 ids; also Main/ at the top
    JPEGImages-trainval/00001.jpg, JPEGImages-test/11726.jpg

Where both files name the same classes in the same order, an object has its upright box and its
oriented corners; else the corners, with the box around them. Torchgeo's reader takes a repacked
copy without oriented boxes and without labels of the test split, hence this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.voc import read_voc
from earthgptx.data.faults import Report, each, read_lines
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.synthetic.classes import LABELS

ORIGIN = Origin("DIOR", "not stated (images: Google Earth)")
SPLITS = ("train", "val", "test")
_UPRIGHT = Path("Annotations") / "Horizontal Bounding Boxes"
_ORIENTED = Path("Annotations") / "Oriented Bounding Boxes"


def recognises(root: Path) -> bool:
    """By its two folders of annotations."""
    return (root / _UPRIGHT).is_dir() or (root / _ORIENTED).is_dir()


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Every image of a split with its objects; all 20 classes are annotated in full."""
    lists = root / "ImageSets" / "Main"
    if not lists.is_dir():
        lists = root / "Main"
    for name in (split,) if split else SPLITS:
        path = lists / f"{name}.txt"
        if split or path.exists():
            ids = (line.split()[0] for _, line in read_lines(path))
            yield from each(ids, partial(_image, root), report)


def _image(root: Path, image_id: str) -> LabelledImage:
    upright, oriented = (root / part / f"{image_id}.xml" for part in (_UPRIGHT, _ORIENTED))
    read = read_voc(upright if upright.exists() or not oriented.exists() else oriented)
    things = read.things
    if upright.exists() and oriented.exists():
        things = _paired(things, read_voc(oriented).things)
    folders = (root / "JPEGImages-trainval", root / "JPEGImages-test", root / "JPEGImages")
    paths = [folder / f"{image_id}.jpg" for folder in folders]
    path = next((path for path in paths if path.exists()), paths[0])
    return ORIGIN.image(path, image_id, read.size_px, objects=things, exhaustive=frozenset(LABELS))


def _paired(
    upright: tuple[LabelledObject, ...], oriented: tuple[LabelledObject, ...]
) -> tuple[LabelledObject, ...]:
    if [thing.label for thing in upright] != [thing.label for thing in oriented]:
        return oriented
    return tuple(
        replace(thing, polygon_xy_px=turned.polygon_xy_px)
        for thing, turned in zip(upright, oriented, strict=True)
    )


FORMAT = Format(
    about="optical, 20 classes, upright and oriented boxes (DIOR, DIOR-R)",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    images=images,
)
