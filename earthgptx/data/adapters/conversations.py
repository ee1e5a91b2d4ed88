r"""Dialogues about images: MMRS-1M, RSVP, and files of the same form.

- MMRS-1M: 1,005,842 samples over 34 sets, optical, SAR and infrared: captions, questions, scene
  classes, detection, grounding, region captions (Zhang et al. 2024, doi:10.1109/TGRS.2024.3409624).
  Licence: none stated; each image keeps that of its set. Layout: ``data/json/<task>/<set>.json``,
  images named from the root.
- RSVP (EarthMarker; Zhang et al. 2024, arXiv:2407.13596): image-point-text and image-region-text
  pairs. Its files could not be seen; the form read is that of its public ancestor, SPHINX-V
  (Draw-and-Understand, Lin et al. 2024, arXiv:2403.20271): a ``.json`` list or ``.jsonl`` with
  images named from the file's folder, and marks in pixels, ``bbox`` [[x, y, width, height], ...]
  or ``points`` [[x, y], ...], the k-th being ``<Region k>``.

Both: ``{"image": "...", "conversations": [{"from": "human", "value": "<image>\n..."}, {"from":
"gpt", "value": "There are <p>13 ships</p>[0.75,0.69,0.76,0.71;...]"}]}``. Boxes in text are of the
image padded to a square in whose middle it lies, divided by its side; in an answer they become
``[BOX]`` with boxes in pixels, in a question marks. A box that rounding left without width is one
step of its last decimal wide. Every question with its answer is a record; of a dialogue the later
ones may lean on the earlier. A modality is not told: it is taken from the names of file and image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from earthgptx.data.adapters.dataset import Format, Origin
from earthgptx.data.adapters.geometry import box_in_image
from earthgptx.data.coco_folder import DataError
from earthgptx.data.faults import Report, each, first_sign, named, read_json, read_lines
from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage, Modality
from earthgptx.data.records import BOX_PLACE, InstructionRecord
from earthgptx.imagery.mark_shapes import BoxMark, Mark, PointMark, Region
from earthgptx.imagery.windows import Window, from_window_unit, whole_image

_NUMBER = r"\d*\.?\d+"
_BOX = rf"{_NUMBER}(?:\s*,\s*{_NUMBER}){{3}}"
_BOXES = re.compile(rf"\[({_BOX}(?:\s*;\s*{_BOX})*);?\]")
_SAR_NAME = re.compile(r"sar|hrsid|ssdd", re.IGNORECASE)
_INFRARED_NAME = re.compile(r"infrared|thermal|hit.?uav|(?<![a-z])ir(?![a-z])", re.IGNORECASE)

Raw = dict[str, Any]


def _modality(told: str) -> Modality:
    if _INFRARED_NAME.search(told):
        return "infrared"
    return "sar" if _SAR_NAME.search(told) else "optical"


def _samples(path: Path) -> list[tuple[str, Raw]]:
    """The samples of a file, each with a name for it."""
    if path.suffix == ".jsonl":
        found = []
        for number, line in read_lines(path):
            with named(path, f"line {number}"):
                found.append((f"line {number}", json.loads(line)))
        return found
    raw = read_json(path)
    if not isinstance(raw, list):
        raise DataError(f"{path}: no list of samples")
    return [(f"sample {number}", sample) for number, sample in enumerate(raw)]


def _of_sample(
    origin: Origin, root: Path, path: Path, task: str, told: tuple[str, Raw]
) -> list[InstructionRecord]:
    name, raw = told
    with named(path, name):
        modality = _modality(f"{path.parent.name}/{path.name}/{raw['image']}")
        image = replace(origin, modality=modality).image(root / raw["image"], str(raw["image"]))
        marks = _marks(raw, image)
        turns = [(turn["from"], _plain(str(turn["value"]))) for turn in raw["conversations"]]
        if len(turns) % 2 or any(who not in ("human", "gpt") for who, _ in turns):
            raise ValueError("the turns are not of human and gpt in pairs")
        number = name.partition(" ")[2]
        return [
            _record(f"{origin.source}/{path.stem}/{number}/{k}", image, task, marks, asked, said)
            for k, ((_, asked), (_, said)) in enumerate(zip(turns[::2], turns[1::2], strict=True))
        ]


def _plain(text: str) -> str:
    return text.replace("<image>", "").strip()


def _record(
    record_id: str,
    image: LabelledImage,
    task: str,
    marks: tuple[Region, ...],
    question: str,
    answer: str,
) -> InstructionRecord:
    drawn = list(marks)

    def region(match: re.Match[str]) -> str:
        boxes = _boxes_px(match[1], image)
        drawn.extend(Region((BoxMark(*box),)) for box in boxes)
        first = len(drawn) - len(boxes) + 1
        return ", ".join(f"<Region {number}>" for number in range(first, len(drawn) + 1))

    question = _BOXES.sub(region, question)
    boxes = tuple(_boxes_px(listed, image) for listed in _BOXES.findall(answer))
    answer = _BOXES.sub(BOX_PLACE, answer)
    return InstructionRecord(
        record_id, image, task, question, answer, marks=tuple(drawn), boxes=boxes
    )


def _boxes_px(listed: str, image: LabelledImage) -> tuple[BoxXyxyPx, ...]:
    window = whole_image(image.width_px, image.height_px)
    return tuple(_box_px(box.split(","), image, window) for box in listed.split(";"))


def _box_px(told: list[str], image: LabelledImage, window: Window) -> BoxXyxyPx:
    x0, y0, x1, y1 = (float(number) for number in told)
    step = 10.0 ** -max(len(number.strip().partition(".")[2]) for number in told)
    if x0 == x1:
        x0, x1 = x0 - step / 2, x1 + step / 2
    if y0 == y1:
        y0, y1 = y0 - step / 2, y1 + step / 2
    corners = from_window_unit([[x0, y0], [x1, y1]], window).ravel().tolist()
    return box_in_image(corners, image.width_px, image.height_px)


def _marks(raw: Raw, image: LabelledImage) -> tuple[Region, ...]:
    boxes = [
        box_in_image((x, y, x + width, y + height), image.width_px, image.height_px)
        for x, y, width, height in raw.get("bbox", ())
    ]
    points = [PointMark(float(x), float(y)) for x, y in raw.get("points", ())]
    marks: list[Mark] = [*(BoxMark(*box) for box in boxes), *points]
    return tuple(Region((mark,)) for mark in marks)


MMRS = Origin("MMRS-1M", "not stated (images: as their sets)")
RSVP = Origin("RSVP", "not stated (images: as their sets)")


def _mmrs_lists(root: Path) -> list[Path]:
    return sorted((root / "data" / "json").glob("*/*.json"))


def mmrs_records(root: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """Every question of every list, task by task."""
    paths = _mmrs_lists(root)
    if not paths:
        raise DataError(f"{root / 'data' / 'json'}: no lists of samples")
    for path in paths:
        make = partial(_of_sample, MMRS, root, path, path.parent.name)
        for records in each(_samples(path), make, report):
            yield from records


def rsvp_records(path: Path, split: str | None, report: Report) -> Iterator[InstructionRecord]:
    """Every question of a file."""
    make = partial(_of_sample, RSVP, path.parent, path, "conversation")
    for records in each(_samples(path), make, report):
        yield from records


def _is_rsvp(path: Path) -> bool:
    """A list of samples, or lines of which the first is a conversation."""
    if not path.is_file():
        return False
    if path.suffix == ".json":
        return first_sign(path) == "["
    if path.suffix != ".jsonl":
        return False
    with path.open(encoding="utf-8", errors="replace") as lines:
        return '"conversations"' in lines.readline()


FORMATS = {
    "mmrs_1m": Format(
        about="optical, SAR, infrared: dialogues of every task (EarthGPT)",
        licence=MMRS.licence,
        splits=(),
        recognises=lambda root: root.is_dir() and bool(_mmrs_lists(root)),
        records=mmrs_records,
    ),
    "rsvp": Format(
        about="dialogues with points or boxes drawn (EarthMarker, SPHINX-V), .json or .jsonl",
        licence=RSVP.licence,
        splits=(),
        recognises=_is_rsvp,
        records=rsvp_records,
    ),
}
