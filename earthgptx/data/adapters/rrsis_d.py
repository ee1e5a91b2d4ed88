"""RRSIS-D: referring segmentation, a mask for each of 17,402 expressions about DIOR images.

800x800 px, 0.5 to 30 m, 20 classes; masks made by SAM from DIOR-RSVG's boxes, then corrected (Liu
et al. 2024, CVPR, arXiv:2312.12470). 12,181 expressions train, 1,740 val, 3,481 test. Licence:
none stated; the images are Google's.

Layout (that of RefCOCO's ``refer`` tool)::

    images/rrsisd/JPEGImages/00001.jpg
    rrsisd/instances.json     images; categories; annotations with ``categories_id`` (so spelt),
                              bbox [x0, y0, x1, y1] and segmentation [{size, counts}]
    rrsisd/refs(unc).p        a pickled list of references: ref_id, ann_id, image_id, category_id,
                              split, file_name, sentences [{raw, sent, sent_id, tokens}]

The pickle is read without being executed (``plain_pickle``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.geometry import box_in_image
from earthgptx.data.adapters.labels import label_words
from earthgptx.data.adapters.plain_pickle import plain_values
from earthgptx.data.adapters.referring import referring_records
from earthgptx.data.faults import Report, each, named, objects, read_json
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.records import InstructionRecord
from earthgptx.data.segmentation import rle_of

ORIGIN = Origin("RRSIS-D", "not stated (images: Google Earth)")
SPLITS = ("train", "val", "test")
_REFERENCES = Path("rrsisd") / "refs(unc).p"

Raw = dict[str, Any]


def recognises(root: Path) -> bool:
    """By its file of references."""
    return (root / _REFERENCES).is_file()


@dataclass(frozen=True)
class _Set:
    """The two files, by id; ``references`` are as they stand in the pickle."""

    root: Path
    references: list[Raw]
    images: dict[Any, Raw]
    annotations: dict[Any, Raw]
    labels: dict[Any, str]

    def image(self, reference: Raw) -> LabelledImage:
        """The image of a reference, with the one object it speaks of."""
        with named(self.root / _REFERENCES, f"reference {reference.get('ref_id')}"):
            raw = self.images[reference["image_id"]]
            size_px = (int(raw["width"]), int(raw["height"]))
            thing = self._thing(reference["ann_id"], size_px)
            picture = self.root / "images" / "rrsisd" / "JPEGImages" / raw["file_name"]
            return ORIGIN.image(picture, Path(raw["file_name"]).stem, size_px, objects=(thing,))

    def records(self, reference: Raw) -> list[InstructionRecord]:
        """All that can be asked by a reference's sentences."""
        image = self.image(reference)
        bare, (thing,) = replace(image, objects=()), image.objects
        with named(self.root / _REFERENCES, f"reference {reference.get('ref_id')}"):
            return [
                record
                for sentence in reference["sentences"]
                for record in referring_records(
                    bare, sentence["sent_id"], sentence["raw"], thing, reference["split"]
                )
            ]

    def _thing(self, number: Any, size_px: tuple[int, int]) -> LabelledObject:
        with named(self.root / "rrsisd" / "instances.json", f"annotation {number}"):
            annotation = self.annotations[number]
            category = annotation.get("categories_id", annotation.get("category_id"))
            return LabelledObject(
                self.labels[category],
                box_in_image(annotation["bbox"], *size_px),
                mask=rle_of(annotation["segmentation"], *size_px),
            )


def _read(root: Path) -> _Set:
    path = root / _REFERENCES
    with named(path, "the file"):
        references = objects(plain_values(path.read_bytes()))
    path = path.with_name("instances.json")
    raw = read_json(path)
    with named(path, "the file"):
        return _Set(
            root,
            references,
            {image["id"]: image for image in raw["images"]},
            {annotation["id"]: annotation for annotation in raw["annotations"]},
            {c["id"]: label_words(c["name"]) for c in raw["categories"]},
        )


def _of(read: _Set, split: str | None) -> list[Raw]:
    return [r for r in read.references if split is None or r.get("split") == split]


def images(root: Path, split: str | None, report: Report) -> Iterator[LabelledImage]:
    """Images of a split with the objects that were described, each with its mask."""
    read = _read(root)
    found: dict[str, LabelledImage] = {}
    for image in each(_of(read, split), read.image, report):
        known = found.setdefault(image.image_id, replace(image, objects=()))
        found[image.image_id] = replace(known, objects=known.objects + image.objects)
    yield from found.values()


def records(root: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """Masks by expression, expressions and classes by box."""
    read = _read(root)
    for made in each(_of(read, split), read.records, report):
        yield from made


FORMAT = Format(
    about="optical, referring expressions with masks, 20 classes of DIOR",
    licence=ORIGIN.licence,
    splits=SPLITS,
    recognises=recognises,
    images=images,
    records=records,
)
