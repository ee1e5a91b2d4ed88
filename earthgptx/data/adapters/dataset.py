"""What every adapter is made of: a set's facts, its readers, and the opened dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.pixels import image_size_px, load_pixels
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, refuse
from earthgptx.data.labelled_image import LabelledImage, Modality
from earthgptx.data.records import InstructionRecord


@dataclass(frozen=True)
class Origin:
    """What holds for every image of a set.

    Attributes:
        source: the set's name, as it stands in every image and record.
        licence: what its makers allow; "not stated" where they say nothing.
        modality: what the sensor saw.
        gsd_m: ground sampling distance in metres, None where it differs or is unknown.
    """

    source: str
    licence: str
    modality: Modality = "optical"
    gsd_m: float | None = None

    def image(
        self, path: Path, name: str, size_px: tuple[int, int] | None = None, **truth: Any
    ) -> LabelledImage:
        """An image of the set, pixels unread.

        Args:
            path: its file.
            name: unique within the set.
            size_px: (width, height) where the annotation tells; None reads the file's header.
            truth: further fields of ``LabelledImage``.

        Raises:
            DataError: the file is missing, or its header cannot be read.
        """
        if size_px is None:
            size_px = image_size_px(path)
        elif not path.is_file():
            raise DataError(f"{path}: no such image")
        return LabelledImage(
            image_id=f"{self.source}/{name}",
            source=self.source,
            licence=self.licence,
            modality=self.modality,
            width_px=size_px[0],
            height_px=size_px[1],
            load_pixels=partial(load_pixels, path, self.modality),
            **{"gsd_m": self.gsd_m, **truth},
        )


ImageReader = Callable[[Path, str | None, Report], Iterator[LabelledImage]]
RecordReader = Callable[[Path, str | None, Report], Iterator[InstructionRecord]]


def nothing(path: Path, split: str | None, report: Report) -> Iterator[Any]:
    """The reader of what a format does not have: labels of a caption set, text of a label set."""
    return iter(())


@dataclass(frozen=True)
class Format:
    """A dataset format that can be read.

    Attributes:
        about: one line: what it is, its modality and its truth.
        licence: of the set itself; "as told" for formats of one's own data.
        splits: names of the parts its makers divided it into; empty where they did not.
        recognises: whether a path is one of this format, from names and at most a file's first
            line.
        images: reads labelled images: (path, split or None for all, report).
        records: reads instruction records, likewise.
    """

    about: str
    licence: str
    splits: tuple[str, ...]
    recognises: Callable[[Path], bool]
    images: ImageReader = nothing
    records: RecordReader = nothing


@dataclass(frozen=True)
class Dataset:
    """An opened dataset; iterating reads it anew, one item at a time.

    Attributes:
        path: folder or file.
        format_name: key of the format.
        format: its reader.
        report: what happens to broken records; raises by default.
    """

    path: Path
    format_name: str
    format: Format
    report: Report = refuse

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return self.path.stem if self.path.is_file() else self.path.resolve().name

    @property
    def licence(self) -> str:
        """Licence of the set; each image has its own where they differ."""
        return self.format.licence

    def images(self, split: str | None = None) -> Iterator[LabelledImage]:
        """Labelled images; none where the set carries only text.

        Args:
            split: one of ``format.splits``, or None for all.

        Raises:
            DataError: the set has no such split, or (while iterating) something is broken.
        """
        return self.format.images(self.path, self._known(split), self.report)

    def records(self, split: str | None = None) -> Iterator[InstructionRecord]:
        """Instruction records; none where the set carries only labels.

        Args:
            split: one of ``format.splits``, or None for all.

        Raises:
            DataError: the set has no such split, or (while iterating) something is broken.
        """
        return self.format.records(self.path, self._known(split), self.report)

    def leaving_out_broken(self, report: Report) -> Dataset:
        """The same dataset; broken records go to ``report`` and are left out."""
        return replace(self, report=report)

    def _known(self, split: str | None) -> str | None:
        if split is not None and split not in self.format.splits:
            there = ", ".join(self.format.splits) or "none"
            raise DataError(f"{self.path}: no split {split!r} (there: {there})")
        return split
