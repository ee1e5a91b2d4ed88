"""Scores of boxes: detection (precision, recall, F1, counting error) and grounding (Acc@0.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.tally import Tally

BoxXyxyPx = tuple[float, float, float, float]
LEAST_IOU = 0.5


@dataclass(frozen=True)
class BoxCounts:
    """One question's boxes.

    Attributes:
        first_is_right: the first predicted box is one of the true ones.
    """

    matched: int
    predicted: int
    true: int
    first_is_right: bool


def box_iou(a: BoxXyxyPx, b: BoxXyxyPx) -> float:
    """Intersection over union of two boxes; 0 for boxes without area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return both / (areas - both)


def count_boxes(
    predicted: Sequence[BoxXyxyPx], truth: Sequence[BoxXyxyPx], conventions: Conventions
) -> BoxCounts:
    """Pairs that overlap by half, the best first, each box at most once."""
    iou_PT = np.array([[box_iou(p, t) for t in truth] for p in predicted], np.float64)
    iou_PT = iou_PT.reshape(len(predicted), len(truth))
    found = np.argwhere(conventions.passes(iou_PT, LEAST_IOU)).tolist()
    first = any(p == 0 for p, _ in found)
    matched: dict[int, int] = {}
    for p, t in sorted(found, key=lambda pair: -iou_PT[pair[0], pair[1]]):
        if p not in matched and t not in matched.values():
            matched[p] = t
    return BoxCounts(len(matched), len(predicted), len(truth), first)


def add_box_scores(tally: Tally, counts: Sequence[BoxCounts]) -> None:
    """Precision, recall, F1 over all questions; mean |predicted - true|; Acc@0.5.

    F1 is 1 where nothing is there and nothing is claimed. Acc@0.5 is over the questions with
    exactly one true box (visual grounding): the share whose first box is right.
    """
    matched_N = np.array([c.matched for c in counts], np.float64)
    predicted_N = np.array([c.predicted for c in counts], np.float64)
    true_N = np.array([c.true for c in counts], np.float64)
    tally.ratio("precision@0.5", matched_N, predicted_N)
    tally.ratio("recall@0.5", matched_N, true_N)
    tally.ratio("F1@0.5", 2 * matched_N, predicted_N + true_N, otherwise=1.0)
    tally.mean("count_error", np.abs(predicted_N - true_N))
    single_N = (true_N == 1).astype(np.float64)
    if single_N.any():
        right_N = np.array([c.first_is_right for c in counts], np.float64)
        tally.ratio("Acc@0.5", right_N * single_N, single_N)
