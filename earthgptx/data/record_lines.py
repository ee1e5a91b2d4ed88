"""Instruction records as lines of JSON, the form for one's own data.

One object a line; only ``image``, ``question`` and ``answer`` must be there::

    {"image": "harbour.png", "modality": "sar", "question": "what is <Region 1>?",
     "answer": "a ship", "marks": [[{"box": [120, 80, 160, 120]}]]}

| field | content |
|---|---|
| image | file, relative to the lines' own |
| question, answer | text; the answer may hold ``[SEG]`` and ``[BOX]`` |
| marks | a list of marks for each region: ``{"point": [x, y]}``, ``{"box": [x0, y0, x1, y1]}``, |
| | ``{"polygon": [[x, y], ...]}``, ``{"scribble": [[x, y], ...], "width_px": 4}``, |
| | ``{"mask": {"size": [H, W], "counts": "..."}}`` |
| masks | for each ``[SEG]``: run lengths, polygons ``[[x0, y0, x1, y1, ...]]``, a mask's file |
| | (what is not 0 is inside), or null |
| boxes | for each ``[BOX]`` a list of ``[x0, y0, x1, y1]`` |
| modality | "optical" (default), "sar", "infrared" |
| id, task, split, source, licence, group, gsd_m, width, height | as in ``InstructionRecord`` |

All coordinates are pixels of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from earthgptx.data.labelled_image import MODALITIES, LabelledImage
from earthgptx.data.records import InstructionRecord
from earthgptx.data.segmentation import Rle, rle_of
from earthgptx.imagery.mark_shapes import (
    BoxMark,
    Mark,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
)

Line = dict[str, Any]
ReadMask = Callable[[Path], Rle]

_REFERRED = ("group", "gsd_m")


def line_of(record: InstructionRecord, image_file: str) -> Line:
    """The record as an object for JSON; its image is in ``image_file``."""
    image = record.image
    line: Line = {
        "id": record.record_id,
        "image": image_file,
        "image_id": image.image_id,
        "width": image.width_px,
        "height": image.height_px,
        "modality": image.modality,
        "source": image.source,
        "licence": image.licence,
        "task": record.task,
        "question": record.question,
        "answer": record.answer,
    }
    told = {
        "marks": [[_mark_line(mark) for mark in region.marks] for region in record.marks],
        "masks": list(record.masks),
        "boxes": [[list(box) for box in boxes] for boxes in record.boxes],
        "split": record.split,
        **{name: getattr(image, name) for name in _REFERRED},
    }
    return line | {name: value for name, value in told.items() if value not in (None, [])}


def record_of(
    line: Line, image: LabelledImage, read_mask: ReadMask | None = None
) -> InstructionRecord:
    """The record of an object from JSON, about ``image``.

    Args:
        line: the object.
        image: what it asks about.
        read_mask: reads a mask's file; None where masks may not be files.

    Raises:
        KeyError: ``question`` or ``answer`` is missing.
        ValueError: something does not fit; see ``InstructionRecord``.
        TypeError: something is of another kind than it should be.
    """
    return InstructionRecord(
        record_id=str(line["id"]),
        image=image,
        task=str(line.get("task", "question")),
        question=str(line["question"]),
        answer=str(line["answer"]),
        marks=tuple(
            Region(tuple(_mark(mark) for mark in marks)) for marks in line.get("marks", ())
        ),
        masks=tuple(_mask(mask, image, read_mask) for mask in line.get("masks", ())),
        boxes=tuple(
            tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in boxes)
            for boxes in line.get("boxes", ())
        ),
        split=line.get("split"),
    )


def image_facts(line: Line) -> dict[str, Any]:
    """What a line says about its image, as fields of ``LabelledImage``.

    Raises:
        ValueError: an unknown modality.
    """
    modality = line.get("modality", "optical")
    if modality not in MODALITIES:
        raise ValueError(f"modality {modality!r} is none of {', '.join(MODALITIES)}")
    facts = {name: line[name] for name in _REFERRED if line.get(name) is not None}
    return {
        "modality": modality,
        "source": str(line.get("source", "own")),
        "licence": str(line.get("licence", "unknown")),
        **facts,
    }


def _mark_line(mark: Mark) -> Line:
    match mark:
        case PointMark(x, y):
            return {"point": [x, y]}
        case BoxMark(x0, y0, x1, y1):
            return {"box": [x0, y0, x1, y1]}
        case PolygonMark(vertices):
            return {"polygon": [list(vertex) for vertex in vertices]}
        case ScribbleMark(vertices, width_px):
            return {"scribble": [list(vertex) for vertex in vertices], "width_px": width_px}
        case MaskMark(height_px, width_px, counts):
            return {"mask": {"size": [height_px, width_px], "counts": counts}}


def _mark(line: Line) -> Mark:
    match line:
        case {"point": [x, y]}:
            return PointMark(float(x), float(y))
        case {"box": [x0, y0, x1, y1]}:
            return BoxMark(float(x0), float(y0), float(x1), float(y1))
        case {"polygon": vertices}:
            return PolygonMark(tuple((float(x), float(y)) for x, y in vertices))
        case {"scribble": vertices}:
            stroke = tuple((float(x), float(y)) for x, y in vertices)
            return ScribbleMark(stroke, float(line.get("width_px", 0.0)))
        case {"mask": {"size": [height_px, width_px], "counts": str(counts)}}:
            return MaskMark(int(height_px), int(width_px), counts)
    raise ValueError(f"mark {line} is no point, box, polygon, scribble or mask")


def _mask(mask: Any, image: LabelledImage, read_mask: ReadMask | None) -> Rle | None:
    if isinstance(mask, str):
        if read_mask is None:
            raise ValueError("a mask's file cannot be named here")
        return read_mask(Path(mask))
    return rle_of(mask, image.width_px, image.height_px)
