"""DOTA 1.0, 1.5 and 2.0: oriented boxes in large optical images.

2,806 images (1.0, 1.5) or 11,268 (2.0) of 800 to 20,000 px and more, from Google Earth, GF-2, JL-1
and CycloMedia, 15, 16 or 18 classes (Xia et al. 2018, doi:10.1109/CVPR.2018.00418; Ding et al.
2021, doi:10.1109/TPAMI.2021.3117983). Licence: academic use only.

Layout, once for each split, or a split's folder alone::

    train/images/P0000.png
    train/labelTxt/P0000.txt      also labelTxt-v1.0/, labelTxt-v1.5/, labelTxt-v2.0/

A label file has two lines ``imagesource:GoogleEarth`` and ``gsd:0.146343590398`` (or null; absent
in 2.0's files), then ``x1 y1 x2 y2 x3 y3 x4 y4 class difficult`` a line: corners clockwise in
pixels, which may lie outside the image. Torchgeo's reader wants a repacked copy and drops the
ground sampling distance, hence this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.geometry import box_around, paired
from earthgptx.data.adapters.labels import label_words
from earthgptx.data.adapters.pixels import image_size_px
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, named, read_lines
from earthgptx.data.labelled_image import LabelledImage, LabelledObject

ORIGIN = Origin("DOTA", "academic use only, no commercial use")
SPLITS = ("train", "val")
# Annotated in full in every version; what 1.5 and 2.0 added is known to be there only if it is.
LABELS_OF_1_0 = frozenset(
    {
        *("plane", "ship", "storage tank", "baseball diamond", "tennis court"),
        *("basketball court", "ground track field", "harbor", "bridge", "large vehicle"),
        *("small vehicle", "helicopter", "roundabout", "soccer ball field", "swimming pool"),
    }
)


def _label_folder(folder: Path) -> Path | None:
    """The newest version's labels of a split."""
    return max((path for path in folder.glob("labelTxt*") if path.is_dir()), default=None)


def recognises(root: Path) -> bool:
    """By a folder ``labelTxt``, in the root or in a split."""
    return any(_label_folder(folder) is not None for folder in (root, root / "train", root / "val"))


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Every image of a split with its objects, hard ones among them."""
    folders = [root / name for name in ((split,) if split else SPLITS)]
    if split is None and _label_folder(root) is not None:
        folders = [root]
    for folder in folders:
        labels = _label_folder(folder)
        if labels is None:
            if split or folder == root:
                raise DataError(f"{folder}: no folder labelTxt")
            continue
        yield from each(sorted(labels.rglob("*.txt")), partial(_image, folder / "images"), report)


def _image(folder: Path, path: Path) -> LabelledImage:
    picture = folder / f"{path.stem}.png"
    size_px = image_size_px(picture)
    gsd_m, things = None, []
    for number, line in read_lines(path):
        with named(path, f"line {number}"):
            if line.startswith("imagesource:"):
                continue
            if line.startswith("gsd:"):
                gsd_m = _number_or_none(line.removeprefix("gsd:"))
                continue
            things.append(_thing(line, size_px))
    labels = {thing.label for thing in things}
    return ORIGIN.image(
        picture,
        path.stem,
        size_px,
        objects=tuple(things),
        exhaustive=LABELS_OF_1_0 | labels,
        gsd_m=gsd_m,
        group=path.stem,
    )


def _thing(line: str, size_px: tuple[int, int]) -> LabelledObject:
    words = line.split()
    if len(words) not in (9, 10):
        raise ValueError(f"{len(words)} words, wanted eight coordinates, a class and a difficulty")
    corners = paired([float(word) for word in words[:8]])
    return LabelledObject(
        label_words(words[8]), box_around(corners, *size_px), polygon_xy_px=corners
    )


def _number_or_none(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        # "null" and "None" stand where the source did not tell.
        return None


FORMAT = Format(
    about="optical, 15 to 18 classes, oriented boxes, large images",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    images=images,
)
