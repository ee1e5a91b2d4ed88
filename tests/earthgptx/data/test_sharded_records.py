"""Shards give back what was written, in order or by number, and hold little of it in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from earthgptx.data.coco_folder import DataError
from earthgptx.data.labelled_image import LabelledImage, PixelsHWC
from earthgptx.data.record_shards import INDEX_NAME, read_index, write_shards
from earthgptx.data.records import InstructionRecord
from earthgptx.data.sharded_records import ShardedRecords
from earthgptx.imagery.mark_shapes import PointMark, Region

WIDTH, HEIGHT = 40, 30


def pixels_of(number: int) -> PixelsHWC:
    channels = 1 if number % 2 else 3
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, channels), np.uint8)


def image(number: int) -> LabelledImage:
    modality = "sar" if number % 2 else "optical"
    return LabelledImage(
        f"set/{number}", "set", "CC0-1.0", modality, WIDTH, HEIGHT, lambda: pixels_of(number)
    )


def many(count: int) -> list[InstructionRecord]:
    """One question about the first image, two about the second, three, one, two, ..."""
    return [
        InstructionRecord(
            f"set/{number}/{k}",
            image(number),
            "question",
            f"question {k} about {number}?",
            "a ship",
            marks=(Region((PointMark(1.0 + number % 9, 2.0),)),),
        )
        for number in range(count)
        for k in range(1 + number % 3)
    ]


def names(records: Iterable[InstructionRecord]) -> list[str]:
    return [record.record_id for record in records]


def test_records_come_back_with_their_pixels(tmp_path: Path) -> None:
    written = many(5)
    index = write_shards(written, tmp_path, "mine", images_per_shard=2)
    assert [(s.images, s.records) for s in index.shards] == [(2, 3), (2, 4), (1, 2)]
    assert read_index(tmp_path) == index and index.records == 9
    assert index.licences == ("CC0-1.0",)
    for before, after in zip(written, ShardedRecords(tmp_path), strict=True):
        assert (after.record_id, after.question, after.marks) == (
            before.record_id,
            before.question,
            before.marks,
        )
        assert after.image.modality == before.image.modality
        assert (after.image.load_pixels() == before.image.load_pixels()).all()


def test_any_record_is_found_by_its_number(tmp_path: Path) -> None:
    write_shards(many(11), tmp_path, "mine", images_per_shard=3)
    records, expected = ShardedRecords(tmp_path), names(many(11))
    assert len(records) == len(expected)
    order = np.random.default_rng(0).permutation(len(expected))
    assert names(records[int(n)] for n in order) == [expected[n] for n in order]
    assert records[-1].record_id == expected[-1]
    assert names(records[2:9:3]) == expected[2:9:3]
    assert (records[7].image.load_pixels() == many(11)[7].image.load_pixels()).all()
    with pytest.raises(IndexError):
        records[len(expected)]


def test_an_image_is_stored_once_for_all_that_is_asked_about_it(tmp_path: Path) -> None:
    loads = []

    def counted() -> PixelsHWC:
        loads.append(1)
        return pixels_of(0)

    shared = LabelledImage("set/0", "set", "CC0-1.0", "optical", WIDTH, HEIGHT, counted)
    asked = (InstructionRecord(f"{k}", shared, "question", "what?", "a ship") for k in range(50))
    write_shards(asked, tmp_path, "mine")
    assert len(loads) == 1 and read_index(tmp_path).records == 50


def test_only_shards_that_are_asked_are_opened(tmp_path: Path) -> None:
    write_shards(many(4), tmp_path, "mine", images_per_shard=2)
    first = tmp_path / "000000.tar"
    first.write_bytes(bytes(first.stat().st_size))
    records = ShardedRecords(tmp_path)
    assert names(records[3:]) == names(many(4))[3:]
    with pytest.raises(DataError, match=r"000000\.tar"):
        records[0]


def test_of_what_was_drawn_only_places_stay_in_memory(tmp_path: Path) -> None:
    write_shards(many(600), tmp_path, "mine", images_per_shard=100)
    tracemalloc.start()
    try:
        held = list(ShardedRecords(tmp_path))
        all_bytes = tracemalloc.get_traced_memory()[0]
        del held
        before = tracemalloc.get_traced_memory()[0]
        records = ShardedRecords(tmp_path)
        for number in range(0, len(records), 10):
            records[number]
        places_bytes = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert places_bytes < all_bytes / 10


def test_an_unfinished_or_broken_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=INDEX_NAME):
        read_index(tmp_path)
    write_shards(many(2), tmp_path, "mine")
    with pytest.raises(FileExistsError, match=INDEX_NAME):
        write_shards(many(2), tmp_path, "mine")
    tar = tmp_path / "000000.tar"
    whole = tar.read_bytes()
    tar.write_bytes(whole[:-512])
    with pytest.raises(DataError, match=r"000000\.tar: missing or cut short"):
        ShardedRecords(tmp_path)
    tar.write_bytes(whole.replace(b"question 1", b"question\x001"))
    with pytest.raises(DataError, match=r"000000\.tar: 000001"):
        list(ShardedRecords(tmp_path))
    tar.write_bytes(whole.replace(b"PNG\r\n", b"JPG\r\n", 1))
    broken = ShardedRecords(tmp_path)[0]
    with pytest.raises(DataError, match=r"000000\.tar: the picture at byte"):
        broken.image.load_pixels()
    index = tmp_path / INDEX_NAME
    index.write_text(index.read_text().replace('"records": 3', '"records": 4'))
    with pytest.raises(DataError, match=r"000000\.tar: 3 records, 4 by the index"):
        ShardedRecords(tmp_path)[0]
    index.write_text(index.read_text().replace("records-1", "records-9"))
    with pytest.raises(DataError, match="layout"):
        read_index(tmp_path)
