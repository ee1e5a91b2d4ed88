"""The records of a folder of shards: all in order, or any by its number.

What is in memory is where the images of the shards last asked lie (``TABLES_LIMIT_BYTES``), however
large the set; a record is read when it is asked for, its pixels when they are. A shard's table is
made when one of its records is first asked for.

N images of a shard.
"""

from __future__ import annotations

import itertools
import json
import tarfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import named
from earthgptx.data.labelled_image import LabelledImage, PixelsHWC
from earthgptx.data.record_lines import Line, image_facts, record_of
from earthgptx.data.record_shards import Shard, read_index
from earthgptx.data.records import InstructionRecord
from earthgptx.kept_within import KeptWithin

# Of where images lie, about 64 bytes each: a million images.
TABLES_LIMIT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class _Images:
    """The images of a shard in order.

    Attributes:
        path: of the tar file.
        keys_N: their names in it.
        spans_N4: offset and size of their lines, offset and size of their picture, in bytes.
    """

    path: Path
    keys_N: npt.NDArray[np.str_]
    spans_N4: npt.NDArray[np.int64]

    def lines(self, place: int) -> list[Line]:
        """All that is asked about one image."""
        offset, size_bytes = self.spans_N4[place, :2].tolist()
        with named(self.path, str(self.keys_N[place])):
            lines: list[Line] = json.loads(_bytes_at(self.path, offset, size_bytes))
        return lines

    def record(self, place: int, line: Line) -> InstructionRecord:
        """A line about an image as a record."""
        offset, size_bytes = self.spans_N4[place, 2:].tolist()
        with named(self.path, str(self.keys_N[place])):
            image = LabelledImage(
                image_id=str(line["image_id"]),
                width_px=int(line["width"]),
                height_px=int(line["height"]),
                load_pixels=partial(_pixels, self.path, offset, size_bytes),
                **image_facts(line),
            )
            return record_of(line, image)


@dataclass(frozen=True)
class _Table:
    """Where a shard's images lie, and how many of its records come up to the end of each."""

    images: _Images
    ends_N: npt.NDArray[np.int64]

    @property
    def size_bytes(self) -> int:
        return self.ends_N.nbytes + self.images.spans_N4.nbytes + self.images.keys_N.nbytes


class ShardedRecords(Sequence[InstructionRecord]):
    """The records that ``write_shards`` left in a folder; numbers are in the order of writing.

    Args:
        folder: of the shards and their index.

    Raises:
        DataError: the index or a shard is missing or cut short; while reading, a shard or a record
            is broken: names the file and the record.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shards = read_index(folder).shards
        self._ends = list(itertools.accumulate(shard.records for shard in self._shards))
        self._tables: KeptWithin[_Table] = KeptWithin(TABLES_LIMIT_BYTES)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, number: int) -> InstructionRecord: ...
    @overload
    def __getitem__(self, number: slice) -> list[InstructionRecord]: ...
    def __getitem__(self, number: Any) -> Any:
        """One record, or a list of some."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        shard = bisect_right(self._ends, number)
        table = self._table(shard)
        number -= self._ends[shard] - self._shards[shard].records
        place = int(np.searchsorted(table.ends_N, number, side="right"))
        before = int(table.ends_N[place - 1]) if place else 0
        return table.images.record(place, table.images.lines(place)[number - before])

    def __iter__(self) -> Iterator[InstructionRecord]:
        """All of them, reading each shard once."""
        for shard in self._shards:
            images = _images_of(self._folder / shard.file)
            for place in range(len(images.keys_N)):
                for line in images.lines(place):
                    yield images.record(place, line)

    def _table(self, number: int) -> _Table:
        table = self._tables.find(number)
        if table is None:
            table = _table_of(self._folder, self._shards[number])
            self._tables.keep(number, table, table.size_bytes)
        return table


def _table_of(folder: Path, shard: Shard) -> _Table:
    images = _images_of(folder / shard.file)
    counts = [len(images.lines(place)) for place in range(len(images.keys_N))]
    if sum(counts) != shard.records:
        raise DataError(f"{images.path}: {sum(counts)} records, {shard.records} by the index")
    return _Table(images, np.cumsum(counts, dtype=np.int64))


def _images_of(path: Path) -> _Images:
    with named(path, "the tar file"), tarfile.open(path, "r:") as tar:
        members = {member.name: (member.offset_data, member.size) for member in tar}
    keys = [name.removesuffix(".json") for name in members if name.endswith(".json")]
    spans = []
    for key in keys:
        with named(path, key):
            spans.append((*members[f"{key}.json"], *members[f"{key}.png"]))
    return _Images(path, np.array(keys, str), np.array(spans, np.int64).reshape(-1, 4))


def _bytes_at(path: Path, offset: int, size_bytes: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(offset)
        return stream.read(size_bytes)


def _pixels(path: Path, offset: int, size_bytes: int) -> PixelsHWC:
    """uint8 [H, W, 1] or [H, W, 3] of a picture inside a tar file."""
    with named(path, f"the picture at byte {offset}"):
        picture = BytesIO(_bytes_at(path, offset, size_bytes))
        with Image.open(picture, formats=("PNG",)) as opened:
            pixels = np.asarray(opened)
    return pixels[..., None] if pixels.ndim == 2 else pixels
