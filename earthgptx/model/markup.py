"""The model's markup: ``<p>3 ships</p>[x0,y0,x1,y1;...]`` and ``<p>the red ship</p>[SEG]``.

Boxes are normalised to the view, 0..1, two decimals (MMRS-1M's convention on the padded square).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"\d(?:\.\d+)?"
_BOX = rf"{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}"
_BOXES = re.compile(rf"(?:<p>([^<]*)</p>)?\[({_BOX}(?:;{_BOX})*)\]")
_MARKUP = re.compile(rf"</?p>|\[SEG\]|\[{_BOX}(?:;{_BOX})*\]")

BoxUnit = tuple[float, float, float, float]


@dataclass(frozen=True)
class PhraseBoxes:
    """Boxes said for a phrase, in 0..1 of the view."""

    phrase: str
    boxes_xyxy_unit: tuple[BoxUnit, ...]


def parse_boxes(answer: str) -> tuple[PhraseBoxes, ...]:
    """All well-formed boxes of an answer; boxes without extent are left out."""
    found = []
    for phrase, listed in _BOXES.findall(answer):
        boxes = [tuple(min(float(n), 1.0) for n in box.split(",")) for box in listed.split(";")]
        real = tuple((b[0], b[1], b[2], b[3]) for b in boxes if b[0] < b[2] and b[1] < b[3])
        if real:
            found.append(PhraseBoxes(phrase.strip(), real))
    return tuple(found)


def plain_text(answer: str) -> str:
    """The answer without markup."""
    return " ".join(_MARKUP.sub("", answer).split(" ")).strip()
