"""Records from a referring expression: text by people about one thing, turned into questions.

The expression is the set's; the wording of the question around it is one of this project's, chosen
by the record's name, so that reading twice gives the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from earthgptx.data.instructions.phrasings import fill
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.records import BOX_PLACE, MASK_PLACE, InstructionRecord
from earthgptx.imagery.mark_shapes import BoxMark, Region

_REGION = "<Region 1>"


def phrasing_rng(record_id: str) -> np.random.Generator:
    """All choice of wording for a record; the same on every machine."""
    return np.random.default_rng(zlib.crc32(record_id.encode()))


def referring_records(
    image: LabelledImage,
    number: int | str,
    expression: str,
    thing: LabelledObject,
    split: str | None,
) -> Iterator[InstructionRecord]:
    """What can be asked about one described thing.

    Its mask where it has one, else its box, by the expression ("refer_mask", "refer_box"); and,
    with its box drawn, its description ("region_caption") and its class ("refer_class"; not where
    the label is empty).

    Args:
        image: what it is in.
        number: of the expression within its set.
        expression: what people wrote.
        thing: its label, box and mask.
        split: where its makers put the expression.

    Raises:
        ValueError: the expression is empty, or the box does not fit the image.
    """
    if not expression.strip():
        raise ValueError("an empty expression")
    name = f"{image.source}/{number}"
    told = expression.strip()
    # In the middle of a question it begins with a small letter.
    phrase = told[0].lower() + told[1:].rstrip(".")
    rng = phrasing_rng(name)
    if thing.mask is not None:
        question = fill("segment", rng, phrase=phrase)
        answer = f"<p>{phrase}</p>{MASK_PLACE}"
        yield InstructionRecord(
            f"{name}/refer_mask", image, "refer_mask", question, answer, masks=(thing.mask,),
            split=split,
        )  # fmt: skip
    else:
        question = f"Where is {phrase}? Give its box."
        answer = f"<p>{phrase}</p>{BOX_PLACE}"
        yield InstructionRecord(
            f"{name}/refer_box", image, "refer_box", question, answer,
            boxes=((thing.box_xyxy_px,),), split=split,
        )  # fmt: skip
    marks = (Region((BoxMark(*thing.box_xyxy_px),)),)
    asked = [("region_caption", "region_brief", told)]
    if thing.label:
        asked.append(("refer_class", "refer_class", thing.label))
    for task, phrasing, answer in asked:
        question = fill(phrasing, rng, region=_REGION)
        yield InstructionRecord(
            f"{name}/{task}", image, task, question, answer, marks=marks, split=split
        )
