"""Write labelled images as a COCO-style folder, and generated scenes with it.

``python -m earthgptx.data.coco_folder --synthetic OUT --count N --modality M --seed S``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from pycocotools import mask as coco_mask

from earthgptx.data.labelled_image import MODALITIES, LabelledImage, LabelledObject

Record = dict[str, Any]


def write_coco_folder(images: Iterable[LabelledImage], out_dir: Path) -> int:
    """Write images and truth so that ``read_coco_folder`` gives the same truth back.

    Pixels are stored without loss (PNG), numbered in the order given. ``annotations.json`` is
    written last: a folder without it is not finished.

    Args:
        images: read one at a time.
        out_dir: made if it is not there.

    Returns:
        How many images were written.

    Raises:
        FileExistsError: the folder already has annotations.
    """
    target = out_dir / "annotations.json"
    if target.exists():
        raise FileExistsError(f"{target} is already there")
    (out_dir / "images").mkdir(parents=True, exist_ok=True)
    records: list[Record] = []
    annotations: list[Record] = []
    categories: dict[str, int] = {}
    licences: set[str] = set()
    for number, image in enumerate(images, start=1):
        for label in sorted({*image.exhaustive, *(thing.label for thing in image.objects)}):
            categories.setdefault(label, len(categories) + 1)
        name = f"{number:05d}.png"
        pixels_HWC = image.load_pixels()
        Image.fromarray(pixels_HWC[..., 0] if pixels_HWC.shape[2] == 1 else pixels_HWC).save(
            out_dir / "images" / name
        )
        first = len(annotations) + 1
        annotations.extend(_annotations(image, number, first, categories))
        records.append(_image_record(image, number, name, first))
        licences.add(image.licence)
    written = {
        "info": {
            "title": out_dir.name,
            "set": out_dir.name,
            "licence": "; ".join(sorted(licences)),
        },
        "images": records,
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
        "annotations": annotations,
    }
    partial = target.with_suffix(".json.part")
    partial.write_text(json.dumps(written))
    partial.replace(target)
    return len(records)


def _image_record(image: LabelledImage, number: int, name: str, first: int) -> Record:
    return {
        "id": number,
        "file_name": name,
        "width": image.width_px,
        "height": image.height_px,
        "modality": image.modality,
        "gsd_m": image.gsd_m,
        "licence": image.licence,
        "sensor": image.source,
        "scene": image.group,
        "scene_words": image.scene,
        "exhaustive": sorted(image.exhaustive),
        "absent_stuff": sorted(image.absent_stuff),
        "relations": [[first + r.subject, r.kind, first + r.other] for r in image.relations],
    }


def _annotations(
    image: LabelledImage, image_id: int, first: int, categories: dict[str, int]
) -> list[Record]:
    made = [
        {"id": first + place, **_annotation(thing, image_id, categories)}
        for place, thing in enumerate(image.objects)
    ]
    if image.image_label is not None:
        label = image.image_label
        category = categories.setdefault(label, len(categories) + 1)
        whole = {"image_id": image_id, "category_id": category, "iscrowd": 0, "scope": "image"}
        made.append({"id": first + len(made), **whole})
    return made


def _annotation(thing: LabelledObject, image_id: int, categories: dict[str, int]) -> Record:
    x0, y0, x1, y1 = thing.box_xyxy_px
    record: Record = {
        "image_id": image_id,
        "category_id": categories[thing.label],
        "iscrowd": 0,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
    }
    if thing.mask is not None:
        record["segmentation"] = dict(thing.mask)
        record["area"] = int(coco_mask.area(thing.mask))
    for name in ("colour", "size"):
        value = getattr(thing, name)
        if value is not None:
            record[name] = value
    if thing.stuff:
        record["stuff"] = True
    return record


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw scenes into a folder; prints how many."""
    from earthgptx.data.synthetic.scene import generate_scene

    parser = argparse.ArgumentParser(prog="python -m earthgptx.data.coco_folder")
    parser.add_argument("--synthetic", type=Path, required=True, metavar="OUT")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--modality", choices=[*MODALITIES, "mixed"], default="mixed")
    parser.add_argument(
        "--seed",
        type=int,
        default=900_000,
        help="of the first scene; training draws from 1,000,000 up",
    )
    parser.add_argument("--size-px", type=int, default=256)
    chosen = parser.parse_args(arguments)
    modalities = MODALITIES if chosen.modality == "mixed" else (chosen.modality,)
    scenes = (
        generate_scene(chosen.seed + number, chosen.size_px).labelled(
            modalities[number % len(modalities)]
        )
        for number in range(chosen.count)
    )
    written = write_coco_folder(scenes, chosen.synthetic)
    print(json.dumps({"folder": str(chosen.synthetic), "images": written}))
    return 0
