"""Folders in COCO's layout: ``images/`` and ``annotations.json``.

Besides COCO's fields these are read where they are there: on images ``modality``, ``gsd_m``,
``scene`` (a group: place, flight), ``labelled``, ``licence``, ``scene_words``, ``exhaustive``
(labels of which every instance is annotated), ``absent_stuff`` (substances that are not there),
``relations`` ([subject, kind, other], by annotation
ids); on annotations ``ignore``, ``stuff``, ``scope`` ("image": the label holds for the whole
image), ``point``, ``colour``, ``size``. Boxes are (x, y, width, height) in the file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from earthgptx.data.labelled_image import (
    LabelledImage,
    LabelledObject,
    Modality,
    PixelsHWC,
    Relation,
)
from earthgptx.data.segmentation import rle_of

# "multispectral" images are seen through their visible bands.
_MODALITIES: dict[str, Modality] = {
    "optical": "optical",
    "multispectral": "optical",
    "sar": "sar",
    "infrared": "infrared",
}
# A tree known by a point only: the box that is made of it, in metres and without a scale in pixels.
POINT_BOX_M = 6.0
POINT_BOX_PX = 12.0
# Their READMEs say that things which can be seen are not annotated: no counts, no "all", no "none".
INCOMPLETE_SETS = frozenset({"buildings", "trees_nir", "vehicles"})
# Of these only now and then something lacks, in images that have annotations at all.
MOSTLY_COMPLETE_SETS = frozenset({"buildings"})


class DataError(ValueError):
    """A dataset that cannot be read; the message names the file and the record."""


def read_coco_folder(folder: Path) -> list[LabelledImage]:
    """All usable images of a folder, pixels unread.

    Raises:
        DataError: the annotations are missing or broken; names the file and the record.
    """
    path = folder / "annotations.json"
    try:
        raw = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: {error}") from error
    try:
        names = {c["id"]: str(c["name"]).lower().replace("_", " ") for c in raw["categories"]}
        annotations = defaultdict(list)
        for annotation in raw["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
        info = raw.get("info", {})
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: no usable {error}") from error
    source = str(info.get("set", folder.name))
    read = []
    for image in raw["images"]:
        try:
            read.append(_labelled(folder, source, info, image, annotations[image["id"]], names))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: image {image.get('id')}: {error!r}") from error
    return read


def _labelled(
    folder: Path,
    source: str,
    info: dict[str, Any],
    image: dict[str, Any],
    annotations: list[dict[str, Any]],
    names: dict[int, str],
) -> LabelledImage:
    whole = [names[a["category_id"]] for a in annotations if a.get("scope") == "image"]
    placed = [a for a in annotations if _is_placed(a)]
    places = {a["id"]: place for place, a in enumerate(placed)}
    return LabelledImage(
        image_id=f"{source}/{image['file_name']}",
        source=source,
        licence=str(image.get("licence") or info.get("licence", "unknown")),
        modality=_MODALITIES[image.get("modality", "optical")],
        width_px=int(image["width"]),
        height_px=int(image["height"]),
        load_pixels=partial(_read_pixels, folder / "images" / image["file_name"]),
        objects=tuple(_thing(a, image, names) for a in placed),
        relations=tuple(
            Relation(places[subject], kind, places[other])
            for subject, kind, other in image.get("relations", ())
        ),
        exhaustive=frozenset() if whole else _exhaustive(source, image, annotations, names),
        mostly_annotated=_mostly_annotated(source, annotations, names),
        absent_stuff=frozenset(str(label) for label in image.get("absent_stuff", ())),
        scene=image.get("scene_words"),
        image_label=whole[0] if whole else None,
        group=None if image.get("scene") is None else str(image["scene"]),
        gsd_m=image.get("gsd_m"),
    )


def _exhaustive(
    source: str,
    image: dict[str, Any],
    annotations: list[dict[str, Any]],
    names: dict[int, str],
) -> frozenset[str]:
    if "exhaustive" in image:
        return frozenset(str(label) for label in image["exhaustive"])
    # What is ignored may be of any class.
    unsure = not image.get("labelled", True) or any(a.get("ignore") for a in annotations)
    if unsure or source in INCOMPLETE_SETS:
        return frozenset()
    return frozenset(name for name in names.values() if name != "dont care")


def _mostly_annotated(
    source: str, annotations: list[dict[str, Any]], names: dict[int, str]
) -> frozenset[str]:
    if source not in MOSTLY_COMPLETE_SETS:
        return frozenset()
    return frozenset(names[annotation["category_id"]] for annotation in annotations)


def _is_placed(annotation: dict[str, Any]) -> bool:
    if annotation.get("ignore") or annotation.get("iscrowd") or annotation.get("scope") == "image":
        return False
    return "bbox" in annotation or "point" in annotation


def _thing(
    annotation: dict[str, Any], image: dict[str, Any], names: dict[int, str]
) -> LabelledObject:
    width, height = image["width"], image["height"]
    label = names[annotation["category_id"]]
    if "bbox" not in annotation:
        x, y = annotation["point"]
        gsd = image.get("gsd_m")
        half = (POINT_BOX_M / gsd if gsd else POINT_BOX_PX) / 2
        box = (max(x - half, 0.0), max(y - half, 0.0), min(x + half, width), min(y + half, height))
        return LabelledObject(label, box)
    x, y, box_width, box_height = annotation["bbox"]
    box = (max(x, 0.0), max(y, 0.0), min(x + box_width, width), min(y + box_height, height))
    return LabelledObject(
        label,
        box,
        mask=rle_of(annotation.get("segmentation"), width, height),
        colour=annotation.get("colour"),
        size=annotation.get("size"),
        stuff=bool(annotation.get("stuff", False)),
    )


def _read_pixels(path: Path) -> PixelsHWC:
    """uint8 [H, W, 1] or [H, W, 3]; of a TIFF with more bands the visible three, of two the mean.

    Raises:
        DataError: the file is missing or broken.
    """
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _read_tiff(path)
        with Image.open(path) as opened:
            image = opened if opened.mode in ("L", "RGB") else opened.convert("RGB")
            pixels = np.asarray(image)
    except OSError as error:
        raise DataError(f"{path}: {error}") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _read_tiff(path: Path) -> PixelsHWC:
    import rasterio

    with rasterio.open(path) as opened:
        bands_CHW = opened.read()
    if len(bands_CHW) == 2:
        return np.asarray(bands_CHW.mean(0).astype(np.uint8)[..., None])
    return np.ascontiguousarray(bands_CHW[:3].transpose(1, 2, 0).astype(np.uint8))


def split_by_group(
    images: Sequence[LabelledImage], fraction: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Training and validation parts; a group (flight, place, event) stays on one side.

    Groups are taken for validation in the order of a hash until ``fraction`` of the images is
    reached; a group that would more than double it is passed over. A set of one group is split by
    image: its score then says less about new places.
    """
    if len({image.group for image in images}) < 2:
        keys = [image.image_id for image in images]
    else:
        keys = [str(image.group) for image in images]
    sizes = Counter(keys)
    wanted = fraction * len(images)
    chosen: set[str] = set()
    taken = 0
    for key in sorted(sizes, key=lambda k: hashlib.sha256(f"{seed}:{k}".encode()).digest()):
        if taken < wanted and taken + sizes[key] <= 2 * wanted:
            chosen.add(key)
            taken += sizes[key]
    pairs = list(zip(images, keys, strict=True))
    return [i for i, k in pairs if k not in chosen], [i for i, k in pairs if k in chosen]


if __name__ == "__main__":
    from earthgptx.data.coco_writer import main

    raise SystemExit(main())
