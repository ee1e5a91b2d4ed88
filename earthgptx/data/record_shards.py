"""Instruction records written into shards, for sets larger than memory.

A shard is a plain tar file in WebDataset's layout (Aizman et al. 2020, arXiv:2001.01858). For each
image it holds ``000042.png`` (without loss) and ``000042.json``: the lines that ask about it, as in
``earthgptx.data.record_lines``. ``index.json`` beside the shards counts them and is written last: a
folder without it is not finished. Tar and not parquet: the standard library reads it, an image
stays a file that anybody can take out, and a record is one seek away
(``earthgptx.data.sharded_records``).
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from earthgptx.data.coco_folder import DataError
from earthgptx.data.record_lines import line_of
from earthgptx.data.records import InstructionRecord

INDEX_NAME = "index.json"
LAYOUT = "earthgptx-records-1"


@dataclass(frozen=True)
class Shard:
    """One tar file, and how much is in it."""

    file: str
    images: int
    records: int
    size_bytes: int


@dataclass(frozen=True)
class ShardIndex:
    """A folder of shards: its name, the licences in it, and its shards in order."""

    name: str
    licences: tuple[str, ...]
    shards: tuple[Shard, ...]

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(shard.records for shard in self.shards)


def write_shards(
    records: Iterable[InstructionRecord], folder: Path, name: str, images_per_shard: int = 500
) -> ShardIndex:
    """Writes records; those about one image should follow each other, so that it is kept once.

    Args:
        records: read one image at a time.
        folder: made if it is not there.
        name: of the set.
        images_per_shard: how many images a tar file holds.

    Raises:
        FileExistsError: the folder already has an index.
    """
    if (folder / INDEX_NAME).exists():
        raise FileExistsError(f"{folder / INDEX_NAME} is already there")
    folder.mkdir(parents=True, exist_ok=True)
    licences: set[str] = set()
    shards: list[Shard] = []
    by_image = itertools.groupby(records, key=lambda record: record.image.image_id)
    samples = (list(sample) for _, sample in by_image)
    while batch := list(itertools.islice(samples, images_per_shard)):
        path = folder / f"{len(shards):06d}.tar"
        first = len(shards) * images_per_shard
        with tarfile.open(path, "w") as tar:
            for number, sample in enumerate(batch, first):
                _add_sample(tar, f"{number:06d}", sample)
        asked = list(itertools.chain.from_iterable(batch))
        licences.update(record.licence for record in asked)
        shards.append(Shard(path.name, len(batch), len(asked), path.stat().st_size))
    index = ShardIndex(name, tuple(sorted(licences)), tuple(shards))
    partial_path = folder / f"{INDEX_NAME}.part"
    partial_path.write_text(json.dumps({"layout": LAYOUT, **asdict(index)}, indent=1) + "\n")
    partial_path.replace(folder / INDEX_NAME)
    return index


def _add_sample(tar: tarfile.TarFile, key: str, sample: list[InstructionRecord]) -> None:
    pixels_HWC = sample[0].image.load_pixels()
    picture = io.BytesIO()
    Image.fromarray(pixels_HWC[..., 0] if pixels_HWC.shape[2] == 1 else pixels_HWC).save(
        picture, "PNG"
    )
    lines = [line_of(record, f"{key}.png") for record in sample]
    for name, data in (
        (f"{key}.png", picture.getvalue()),
        (f"{key}.json", json.dumps(lines).encode()),
    ):
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def read_index(folder: Path) -> ShardIndex:
    """What a folder of shards holds.

    Raises:
        DataError: no index, another layout, or a shard that is missing or not of its size.
    """
    path = folder / INDEX_NAME
    try:
        raw = json.loads(path.read_text())
        if raw["layout"] != LAYOUT:
            raise ValueError(f"layout {raw['layout']!r} is not {LAYOUT!r}")
        shards = tuple(Shard(**shard) for shard in raw["shards"])
        index = ShardIndex(str(raw["name"]), tuple(raw["licences"]), shards)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: {error}") from error
    for shard in shards:
        tar = folder / shard.file
        if not tar.is_file() or tar.stat().st_size != shard.size_bytes:
            raise DataError(f"{tar}: missing or cut short (wanted {shard.size_bytes} bytes)")
    return index
