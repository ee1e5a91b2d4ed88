"""HIT-UAV: people and vehicles in thermal infrared images from a drone.

2,898 images of 640x512 px, one band, 60 to 130 m high, looking down at 30 to 90 degrees, day and
night: 24,899 boxes of Person, Car, Bicycle, OtherVehicle and DontCare (Suo et al. 2023,
doi:10.1038/s41597-023-02066-6). Licence: CC BY 4.0. Ground sampling distance: changes with height
and angle, not told.

Layout (of its repository; ``rotate_*`` is read where both are there)::

    rotate_json/annotations/{train,val,test}.json   bbox [xc, yc, w, h, theta], theta in radians
    rotate_json/{train,val,test}/1_80_90_0_01343.jpg
    normal_json/annotations/{train,val,test}.json   bbox [x, y, w, h] from the top left corner
    normal_json/{train,val,test}/...

The files are nearly COCO: images have ``filename``; ``normal_json`` calls its list ``annotation``
and has no categories; its README calls x, y the centre, its numbers are the corner (the polygons
beside them show it). A name is scenario, height, angle, weather, frame: frames that share all but
the last look alike and are one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.geometry import box_around, box_in_image, rotated_corners
from earthgptx.data.adapters.labels import label_words
from earthgptx.data.faults import Report, each, named, objects, read_json
from earthgptx.data.labelled_image import LabelledImage, LabelledObject

ORIGIN = Origin("HIT-UAV", "CC BY 4.0", "infrared")
SPLITS = ("train", "val", "test")
LABELS = ("person", "car", "bicycle", "other vehicle")
_NAMES = {0: "Person", 1: "Car", 2: "Bicycle", 3: "OtherVehicle", 4: "DontCare"}
_UNSURE = "dont care"

Annotations = dict[int, list[dict[str, Any]]]


def _folder(root: Path) -> Path:
    rotated = root / "rotate_json"
    return rotated if rotated.is_dir() else root / "normal_json"


def recognises(root: Path) -> bool:
    """By one of its two folders of JSON annotations."""
    return (_folder(root) / "annotations").is_dir()


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Frames of a split; where something is marked DontCare, counts are unsure."""
    folder = _folder(root)
    for name in (split,) if split else SPLITS:
        path = folder / "annotations" / f"{name}.json"
        if name == "val" and not path.exists():
            # normal_json's file has this name.
            path = folder / "annotations" / "instances_val.json"
        raw = read_json(path)
        with named(path, "the file"):
            annotations: Annotations = defaultdict(list)
            listed = raw["annotations"] if "annotations" in raw else raw["annotation"]
            for annotation in objects(listed):
                annotations[annotation["image_id"]].append(annotation)
            told = {c["id"]: c["name"] for c in raw.get("categories", ())} or _NAMES
            records = objects(raw["images"])
        make = partial(_image, folder / name, path, annotations, told)
        yield from each(records, make, report)


def _image(
    folder: Path, path: Path, annotations: Annotations, names: dict[int, str], raw: dict[str, Any]
) -> LabelledImage:
    with named(path, f"image {raw.get('filename', raw.get('id'))}"):
        size_px = (int(raw["width"]), int(raw["height"]))
        things = []
        for annotation in annotations[raw["id"]]:
            with named(path, f"annotation {annotation.get('id')}"):
                label = label_words(names[annotation["category_id"]])
                things.append(_thing(label, annotation["bbox"], size_px))
        sure = all(thing.label != _UNSURE for thing in things)
        return ORIGIN.image(
            folder / raw["filename"],
            Path(raw["filename"]).stem,
            size_px,
            objects=tuple(thing for thing in things if thing.label != _UNSURE),
            exhaustive=frozenset(LABELS) if sure else frozenset(),
            group=raw["filename"].rpartition("_")[0],
        )


def _thing(label: str, numbers: list[float], size_px: tuple[int, int]) -> LabelledObject:
    if len(numbers) == 5:
        x, y, width, height, theta = numbers
        corners = rotated_corners((x, y), width, height, theta)
        return LabelledObject(label, box_around(corners, *size_px), polygon_xy_px=corners)
    x, y, width, height = numbers
    return LabelledObject(label, box_in_image((x, y, x + width, y + height), *size_px))


FORMAT = Format(
    about="thermal infrared from a drone, people and vehicles, oriented boxes",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    images=images,
)
