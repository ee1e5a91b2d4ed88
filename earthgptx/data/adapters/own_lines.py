"""One's own questions and answers: a ``.jsonl`` as ``earthgptx.data.record_lines`` describes it.

Also the shards that such records are written to (``earthgptx.data.record_shards``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.pixels import load_pixels
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, named, read_lines
from earthgptx.data.record_lines import image_facts, record_of
from earthgptx.data.record_shards import INDEX_NAME
from earthgptx.data.records import InstructionRecord
from earthgptx.data.segmentation import Rle
from earthgptx.data.sharded_records import ShardedRecords
from earthgptx.imagery.masks import encode_rle

SHARDS = "shards"
SPLITS = ("train", "val", "test")


def line_records(path: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """A record a line; a line without a split belongs to none."""
    for record in each(read_lines(path), partial(_record, path), report):
        if split in (None, record.split):
            yield record


def _record(path: Path, numbered: tuple[int, str]) -> InstructionRecord:
    number, text = numbered
    with named(path, f"line {number}"):
        line = json.loads(text)
        if not isinstance(line, dict):
            raise ValueError("no object")
        facts = image_facts(line)
        source = facts.pop("source")
        if source == "own":
            source = path.stem
        origin = Origin(source, facts.pop("licence"), facts.pop("modality"))
        image = origin.image(path.parent / line["image"], str(line["image"]), **facts)
        return record_of({"id": f"{source}/{number}", **line}, image, partial(_mask, path.parent))


def _mask(folder: Path, named_file: Path) -> Rle:
    inside_HW = load_pixels(folder / named_file, "optical").max(axis=2) > 0
    height, width, counts = encode_rle(inside_HW)
    return {"size": [height, width], "counts": counts}


def shard_records(folder: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """The records of shards, in the order of writing."""
    try:
        for record in ShardedRecords(folder):
            if split in (None, record.split):
                yield record
    except DataError as fault:
        # What comes after a broken record cannot be reached from here.
        report(fault)


FORMATS = {
    "jsonl": Format(
        about="one's own: a question and an answer a line, with marks, masks, boxes",
        licence="as told",
        splits=SPLITS,
        recognises=lambda path: path.is_file() and path.suffix == ".jsonl",
        records=line_records,
    ),
    SHARDS: Format(
        about="instruction records in tar files, for sets larger than memory",
        licence="as told",
        splits=SPLITS,
        recognises=lambda path: (path / INDEX_NAME).is_file() and any(path.glob("*.tar")),
        records=shard_records,
    ),
}
