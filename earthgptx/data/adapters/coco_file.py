"""Annotations in COCO's JSON: HRSID, SARDet-100K, and one's own ``coco.json`` or folder.

- HRSID: ships in SAR images, boxes and outlines. 5,604 images of 800x800 px from Sentinel-1B,
  TerraSAR-X and TanDEM-X (0.5, 1 and 3 m), 16,951 ships (Wei et al. 2020,
  doi:10.1109/ACCESS.2020.3005861). Licence: GPL-3.0 (repository). Layout:
  ``annotations/{train2017,test2017}.json``, ``JPEGImages/P0001_0_800_8400_9200.jpg``; the number
  after P is the scene that a tile was cut from.
- SARDet-100K: 116,598 SAR images, 245,653 boxes of ship, aircraft, car, tank (oil tanks), bridge
  and harbor, put together from ten sets and cut to 800x800 px or less (Li et al. 2024,
  arXiv:2403.06534). Licence: CC BY-NC 4.0. Layout: ``Annotations/{train,val,test}.json``,
  ``JPEGImages/{train,val,test}/0000001.png``. Each source labelled only its own classes: only the
  labels an image has are taken for complete in it.
- One's own: a file ``anything.json`` with ``images``, ``annotations`` and ``categories``; images
  are looked for beside it, in ``images/`` and ``JPEGImages/`` beside it and above it. A folder with
  ``images/`` and ``annotations.json`` may say more; see ``earthgptx.data.coco_folder``. An image
  may tell its ``modality``, ``gsd_m`` and ``licence``.

Boxes are (x, y, width, height) in pixels. ``ignore`` and ``iscrowd`` annotations are left out and
make an image's counts unsure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.geometry import box_in_image
from earthgptx.data.adapters.labels import label_words
from earthgptx.data.coco_folder import DataError, read_coco_folder
from earthgptx.data.faults import Report, each, first_sign, named, objects, read_json
from earthgptx.data.labelled_image import MODALITIES, LabelledImage, LabelledObject
from earthgptx.data.segmentation import rle_of

HRSID = Origin("HRSID", "GPL-3.0", "sar")
SARDET = Origin("SARDet-100K", "CC BY-NC 4.0", "sar")


@dataclass(frozen=True)
class CocoFile:
    """One file of annotations, and how its images are read.

    Attributes:
        images: as they stand in the file.
        annotations: by image id, as they stand in the file.
        labels: words of each category.
        folders: where images are looked for.
        complete: every instance of every category is annotated in every image.
        grouped: an image's name up to its first underscore is the scene it was cut from.
    """

    path: Path
    origin: Origin
    images: list[dict[str, Any]]
    annotations: dict[Any, list[dict[str, Any]]]
    labels: dict[Any, str]
    folders: tuple[Path, ...]
    complete: bool
    grouped: bool = False

    def image(self, raw: dict[str, Any]) -> LabelledImage:
        """One of ``images``.

        Raises:
            DataError: broken, or its picture is missing; names the file and the record.
        """
        name = str(raw.get("file_name", f"id {raw.get('id')}"))
        with named(self.path, f"image {name}"):
            size_px = (int(raw["width"]), int(raw["height"]))
            found = self.annotations.get(raw["id"], [])
            things = tuple(self._thing(a, size_px) for a in found if not _ignored(a))
            labels = self.labels.values() if self.complete else {t.label for t in things}
            unsure = any(_ignored(annotation) for annotation in found)
            paths = [folder / raw["file_name"] for folder in self.folders]
            return self._origin_of(raw).image(
                next((path for path in paths if path.is_file()), paths[0]),
                name,
                size_px,
                objects=things,
                exhaustive=frozenset() if unsure else frozenset(labels),
                group=name.partition("_")[0] if self.grouped else None,
            )

    def _origin_of(self, raw: dict[str, Any]) -> Origin:
        told = {name: raw[name] for name in ("modality", "gsd_m", "licence") if raw.get(name)}
        if told.get("modality", "optical") not in MODALITIES:
            raise ValueError(f"modality {told['modality']!r} is none of {', '.join(MODALITIES)}")
        return replace(self.origin, **told)

    def _thing(self, annotation: dict[str, Any], size_px: tuple[int, int]) -> LabelledObject:
        with named(self.path, f"annotation {annotation.get('id')}"):
            x, y, width, height = annotation["bbox"]
            return LabelledObject(
                self.labels[annotation["category_id"]],
                box_in_image((x, y, x + width, y + height), *size_px),
                mask=rle_of(annotation.get("segmentation"), *size_px),
            )


def _ignored(annotation: dict[str, Any]) -> bool:
    return bool(annotation.get("ignore") or annotation.get("iscrowd"))


def read_coco_file(
    path: Path,
    origin: Origin,
    folders: tuple[Path, ...],
    *,
    complete: bool,
    grouped: bool = False,
    renamed: dict[str, str] | None = None,
) -> CocoFile:
    """A file's records, not yet checked one by one; for the arguments see ``CocoFile``.

    ``renamed`` gives other words to some of the labels.

    Raises:
        DataError: missing, no JSON, or without one of COCO's three lists.
    """
    raw = read_json(path)
    with named(path, "the file"):
        names = {c["id"]: label_words(str(c["name"])) for c in raw["categories"]}
        labels = {number: (renamed or {}).get(name, name) for number, name in names.items()}
        annotations = defaultdict(list)
        for annotation in objects(raw["annotations"]):
            annotations[annotation["image_id"]].append(annotation)
        images = objects(raw["images"])
    return CocoFile(path, origin, images, dict(annotations), labels, folders, complete, grouped)


def hrsid_images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Tiles with their ships; all of them are annotated."""
    for name in (split,) if split else ("train", "test"):
        path = root / "annotations" / f"{name}2017.json"
        file = read_coco_file(path, HRSID, (root / "JPEGImages",), complete=True, grouped=True)
        yield from each(file.images, file.image, report)


def sardet_images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Images with their targets."""
    for name in (split,) if split else ("train", "val", "test"):
        path = root / "Annotations" / f"{name}.json"
        folders = (root / "JPEGImages" / name, root / "JPEGImages")
        tanks = {"tank": "oil tank"}
        file = read_coco_file(path, SARDET, folders, complete=False, renamed=tanks)
        yield from each(file.images, file.image, report)


def own_images(path: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Of a COCO file, or of a folder with ``annotations.json``."""
    if path.is_dir():
        # Its reader refuses the whole folder; there is nothing to leave out one by one.
        try:
            yield from read_coco_folder(path)
        except DataError as fault:
            report(fault)
        return
    near = (path.parent, path.parent.parent)
    folders = tuple(above / name for above in near for name in (".", "images", "JPEGImages"))
    file = read_coco_file(path, Origin(path.stem, "unknown"), folders, complete=True)
    yield from each(file.images, file.image, report)


def _is_own(path: Path) -> bool:
    if path.is_dir():
        return (path / "annotations.json").is_file()
    # COCO's file is one object; a file of conversations is a list.
    return path.suffix == ".json" and first_sign(path) == "{"


FORMATS = {
    "hrsid": Format(
        about="SAR, ships, boxes and masks",
        licence=HRSID.licence,
        splits=("train", "test"),
        recognises=lambda root: (
            (root / "annotations" / "train2017.json").is_file() and (root / "JPEGImages").is_dir()
        ),
        images=hrsid_images,
    ),
    "sardet_100k": Format(
        about="SAR, 6 classes from ten sets, boxes",
        licence=SARDET.licence,
        splits=("train", "val", "test"),
        recognises=lambda root: (root / "Annotations" / "train.json").is_file(),
        images=sardet_images,
    ),
    "coco": Format(
        about="one's own: a COCO file, or a folder with images/ and annotations.json",
        licence="as told",
        splits=(),
        recognises=_is_own,
        images=own_images,
    ),
}
