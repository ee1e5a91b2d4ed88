"""Annotations in PASCAL VOC's XML, with the additions of the sets that use it.

Read beside ``name`` and ``bndbox`` where they are there: ``description`` (DIOR-RSVG), corners in
``robndbox`` (DIOR-R: x_left_top, y_left_top, ... clockwise) or ``rotated_bndbox`` (SSDD: x1, y1,
... x4, y4), an outline in ``segm`` (SSDD: children holding "x,y"), ``difficult``. Coordinates are
taken as pixel edges from 0, as the sets' own loaders and torchgeo take them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from earthgptx.data.adapters.geometry import CornersXyPx, box_around, box_in_image, paired
from earthgptx.data.adapters.labels import label_words
from earthgptx.data.faults import named, read_xml
from earthgptx.data.labelled_image import LabelledObject
from earthgptx.data.segmentation import rle_of

_BOX = ("xmin", "ymin", "xmax", "ymax")
_DIOR_CORNERS = tuple(
    f"{axis}_{corner}"
    for corner in ("left_top", "right_top", "right_bottom", "left_bottom")
    for axis in "xy"
)
_SSDD_CORNERS = tuple(f"{axis}{corner}" for corner in (1, 2, 3, 4) for axis in "xy")


@dataclass(frozen=True)
class VocFile:
    """One annotation file.

    ``things`` and ``descriptions`` go together; a description is None where there is no text.
    """

    filename: str
    size_px: tuple[int, int]
    things: tuple[LabelledObject, ...]
    descriptions: tuple[str | None, ...]


def read_voc(path: Path) -> VocFile:
    """Everything an annotation file says.

    Raises:
        DataError: missing, broken, or an object without name or with a box outside the image;
            names the file and the object (from 1).
    """
    root = read_xml(path)
    with named(path, "size"):
        width, height = (int(_text(root, f"size/{side}")) for side in ("width", "height"))
    things, descriptions = [], []
    for number, element in enumerate(root.iter("object"), start=1):
        with named(path, f"object {number}"):
            things.append(_thing(element, width, height))
            text = element.findtext("description")
            descriptions.append(text.strip() if text else None)
    filename = root.findtext("filename") or ""
    return VocFile(filename.strip(), (width, height), tuple(things), tuple(descriptions))


def _thing(element: Element, width_px: int, height_px: int) -> LabelledObject:
    outline = _outline(element)
    corners = _corners(element) or outline
    if element.find("bndbox") is not None:
        box = box_in_image(_numbers(element, "bndbox", _BOX), width_px, height_px)
    elif corners is not None:
        box = box_around(corners, width_px, height_px)
    else:
        raise ValueError("neither a box nor corners")
    segmentation = None if outline is None else [[v for corner in outline for v in corner]]
    return LabelledObject(
        label_words(_text(element, "name")),
        box,
        mask=rle_of(segmentation, width_px, height_px),
        polygon_xy_px=corners,
    )


def _corners(element: Element) -> CornersXyPx | None:
    for tag, names in (("robndbox", _DIOR_CORNERS), ("rotated_bndbox", _SSDD_CORNERS)):
        if element.find(tag) is not None:
            return paired(_numbers(element, tag, names))
    return None


def _outline(element: Element) -> CornersXyPx | None:
    segm = element.find("segm")
    if segm is None:
        return None
    return paired([float(v) for child in segm for v in (child.text or "").split(",")])


def _numbers(element: Element, tag: str, names: Sequence[str]) -> list[float]:
    return [float(_text(element, f"{tag}/{name}")) for name in names]


def _text(element: Element, path: str) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise ValueError(f"no {path}")
    return text.strip()
