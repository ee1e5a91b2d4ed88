"""How near an answer is to the truth."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from earthgptx.imagery.masks import MaskHW
from earthgptx_client.answer import Answer
from launcher.demo.questions import BoxXyxyPx, Truth

_MARKUP = re.compile(r"</?p>|\[SEG\]|\[[-0-9.,; ]+\]")
GOOD_IOU = 0.5


@dataclass(frozen=True)
class Judgement:
    """`right` is None where no single answer is the right one; `words` says how it was seen."""

    right: bool | None
    words: str


def judge(answer: Answer, truth: Truth) -> Judgement:
    """Compares words where they must be exact, masks by IoU, boxes by how many were found."""
    if truth.masks:
        found = [mask.to_array() for mask in answer.masks]
        candidates = [[mask] for mask in found] if truth.ordered else [found] * len(truth.masks)
        candidates += [[]] * (len(truth.masks) - len(candidates))
        ious = [
            max((_mask_iou(mask, right) for mask in given), default=0.0)
            for given, right in zip(candidates, truth.masks, strict=False)
        ]
        mean = float(np.mean(ious))
        return Judgement(mean >= GOOD_IOU, f"IoU {mean:.2f}")
    if truth.boxes_xyxy_px:
        given = [box for group in answer.boxes for box in group.boxes_xyxy_px]
        hits = sum(
            any(_box_iou(box, right) >= GOOD_IOU for box in given) for right in truth.boxes_xyxy_px
        )
        count = len(truth.boxes_xyxy_px)
        return Judgement(
            hits == count == len(given), f"{hits} of {count} found, {len(given)} boxes given"
        )
    if truth.exact and truth.text is not None:
        return Judgement(_plain(answer.text) == _plain(truth.text), truth.text)
    return Judgement(None, without_markup(truth.text or ""))


def without_markup(text: str) -> str:
    """The words alone."""
    return _MARKUP.sub("", text)


def _plain(text: str) -> str:
    return without_markup(text).strip().rstrip(".").lower()


def _mask_iou(first_HW: MaskHW, second_HW: MaskHW) -> float:
    union = int(np.logical_or(first_HW, second_HW).sum())
    return int(np.logical_and(first_HW, second_HW).sum()) / union if union else 1.0


def _box_iou(first: BoxXyxyPx, second: BoxXyxyPx) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (first, second))
    return shared / (areas - shared) if areas > shared else 0.0
