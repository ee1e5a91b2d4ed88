"""RSICD, UCM-captions and Sydney-captions: five sentences for each optical image.

- RSICD: 10,921 images of 224x224 px from Google Earth, Baidu Map, MapABC and Tianditu, various
  resolutions, 30 scene classes (Lu et al. 2018, doi:10.1109/TGRS.2017.2776321). Layout:
  ``dataset_rsicd.json`` (or in ``annotations_rsicd/``), ``RSICD_images/airport_1.jpg``.
- UCM-captions: the 2,100 images of UC Merced, 256x256 px, 0.3 m (Qu et al. 2016,
  doi:10.1109/CITS.2016.7546397). Layout: ``dataset.json``, ``imgs/1.tif``.
- Sydney-captions: 613 images of 500x500 px, 0.5 m, Google Earth (the same paper and layout).

The file is Karpathy's: ``{"images": [{"filename", "imgid", "split", "sentences": [{"raw",
"tokens", "sentid"}]}]}``. UCM and Sydney do not say which of the two they are: the folder's name
must hold "ucm" or "sydney", else the format has to be named. Licence: none stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.referring import phrasing_rng
from earthgptx.data.faults import Report, each, named, objects, read_json
from earthgptx.data.instructions.phrasings import fill
from earthgptx.data.records import InstructionRecord

SPLITS = ("train", "val", "test")
RSICD = Origin("RSICD", "not stated (research)")
UCM = Origin("UCM-captions", "not stated (images: USGS, public domain)", gsd_m=0.3)
SYDNEY = Origin("Sydney-captions", "not stated (images: Google Earth)", gsd_m=0.5)

_RSICD_FILES = ("dataset_rsicd.json", "annotations_rsicd/dataset_rsicd.json")


def _annotations(root: Path) -> Path:
    """The file of sentences, wherever it is; the usual place where it is not."""
    paths = [root / name for name in (*_RSICD_FILES, "dataset.json")]
    return next((path for path in paths if path.is_file()), paths[-1])


def _records(
    origin: Origin, pictures: str, root: Path, split: str | None, report: Report
) -> Iterator[InstructionRecord]:
    path = _annotations(root)
    raw = read_json(path)
    with named(path, "the file"):
        images = [i for i in objects(raw["images"]) if split in (None, i.get("split"))]
    for captions in each(images, partial(_captions, origin, root / pictures, path), report):
        yield from captions


def _captions(
    origin: Origin, folder: Path, path: Path, raw: dict[str, Any]
) -> list[InstructionRecord]:
    with named(path, f"image {raw.get('filename')}"):
        file_name = str(raw["filename"])
        image = origin.image(folder / file_name, Path(file_name).stem)
        sentences = [str(sentence["raw"]).strip() for sentence in raw["sentences"]]
        if not any(sentences):
            raise ValueError("no sentence")
        return [
            InstructionRecord(
                f"{image.image_id}/caption/{place}",
                image,
                "caption",
                fill("brief", phrasing_rng(f"{image.image_id}/{place}")),
                sentence,
                split=raw["split"],
            )
            for place, sentence in enumerate(sentences)
            if sentence
        ]


def _is_rsicd(root: Path) -> bool:
    return any((root / name).is_file() for name in _RSICD_FILES)


def _is_called(word: str, root: Path) -> bool:
    there = (root / "dataset.json").is_file() and (root / "imgs").is_dir()
    return there and word in root.resolve().name.lower()


FORMATS = {
    "rsicd": Format(
        about="optical, five captions an image",
        licence=RSICD.licence,
        splits=SPLITS,
        recognises=_is_rsicd,
        records=partial(_records, RSICD, "RSICD_images"),
    ),
    "ucm_captions": Format(
        about="aerial optical, five captions an image",
        licence=UCM.licence,
        splits=SPLITS,
        recognises=partial(_is_called, "ucm"),
        records=partial(_records, UCM, "imgs"),
    ),
    "sydney_captions": Format(
        about="optical, five captions an image",
        licence=SYDNEY.licence,
        splits=SPLITS,
        recognises=partial(_is_called, "sydney"),
        records=partial(_records, SYDNEY, "imgs"),
    ),
}
