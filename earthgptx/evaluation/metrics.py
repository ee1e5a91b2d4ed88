"""Scores, with their edge cases written down.

A missing answer counts as wrong everywhere. IoU where neither side marks anything is 1 (nothing was
asked for, nothing was drawn: LISA's convention, not RMSIN's 0); Pr@X counts IoU >= X; masks are
compared at the image's own resolution.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MaskHW = npt.NDArray[np.bool_]
BoxXyxyPx = tuple[float, float, float, float]

PRECISION_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
_RESAMPLES = 1000
_REGION_LINE = re.compile(r"^region \d+\s*:\s*")
_ARTICLE = re.compile(r"^(?:an?|the) ")


def normalised(text: str) -> str:
    """Lower case, one space between words, without article, "region 1:", or closing marks."""
    words = " ".join(text.lower().replace("_", " ").split())
    words = _REGION_LINE.sub("", words).strip(" .,:;!?\"'")
    return _ARTICLE.sub("", words)


def is_match(predicted: str, truth: str) -> bool:
    """The same words after normalising; an empty prediction matches nothing."""
    said = normalised(predicted)
    return bool(said) and said == normalised(truth)


def word_overlap(predicted: str, truth: str) -> float:
    """S-IoU: shared words over all words, as sets (Conti et al. 2023; Osprey's evaluation).

    0 where neither text has a word.
    """
    said, true = set(normalised(predicted).split()), set(normalised(truth).split())
    union = said | true
    return len(said & true) / len(union) if union else 0.0


def mask_overlap_px(predicted_HW: MaskHW, truth_HW: MaskHW) -> tuple[int, int]:
    """Pixels in both masks, pixels in either.

    Raises:
        ValueError: the shapes differ.
    """
    if predicted_HW.shape != truth_HW.shape:
        raise ValueError(f"masks of {predicted_HW.shape} and {truth_HW.shape}")
    both = int(np.count_nonzero(predicted_HW & truth_HW))
    return both, int(np.count_nonzero(predicted_HW | truth_HW))


def mask_scores(overlaps_px: Sequence[tuple[int, int]]) -> dict[str, float]:
    """MIoU (gIoU of LISA), oIoU (cIoU: sums over all samples), Pr@X, from (both, either) pairs.

    mIoU comes with the ends of its 95 % interval (bootstrap over samples, fixed seed).
    """
    if not overlaps_px:
        return {}
    each = np.array([both / either if either else 1.0 for both, either in overlaps_px])
    total = sum(either for _, either in overlaps_px)
    low, high = bootstrap_interval(each)
    scores = {
        "mIoU": float(each.mean()),
        "mIoU_low95": low,
        "mIoU_high95": high,
        "oIoU": sum(both for both, _ in overlaps_px) / total if total else 1.0,
    }
    for level in PRECISION_LEVELS:
        scores[f"Pr@{level}"] = float((each >= level).mean())
    return scores


def bootstrap_interval(values_N: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the 95 % interval of the mean."""
    picks = np.random.default_rng(0).integers(0, len(values_N), (_RESAMPLES, len(values_N)))
    low, high = np.percentile(values_N[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Ends of the 95 % interval of a share (Wilson 1927); (0, 1) for no samples."""
    if total == 0:
        return 0.0, 1.0
    z = 1.959964
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total)
    half *= math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def box_iou(a: BoxXyxyPx, b: BoxXyxyPx) -> float:
    """Intersection over union of two boxes; 0 for boxes without area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return both / (areas - both)


def matched_boxes(
    predicted: Sequence[BoxXyxyPx], truth: Sequence[BoxXyxyPx], least_iou: float = 0.5
) -> int:
    """Pairs of IoU >= ``least_iou``, best first, each box at most once."""
    pairs = sorted(
        (
            (iou, p, t)
            for p, box in enumerate(predicted)
            for t, true in enumerate(truth)
            if (iou := box_iou(box, true)) >= least_iou
        ),
        reverse=True,
    )
    used_p: set[int] = set()
    used_t: set[int] = set()
    for _, p, t in pairs:
        if p not in used_p and t not in used_t:
            used_p.add(p)
            used_t.add(t)
    return len(used_p)


def detection_scores(counts: Sequence[tuple[int, int, int]]) -> dict[str, float]:
    """Precision, recall and F1 over all images from (matched, predicted, true) per question.

    ``count_error`` is the mean of |predicted - true|.
    """
    if not counts:
        return {}
    matched, predicted, true = (sum(column) for column in zip(*counts, strict=True))
    return {
        "precision@0.5": matched / predicted if predicted else 0.0,
        "recall@0.5": matched / true if true else 0.0,
        "F1@0.5": 2 * matched / (predicted + true) if predicted + true else 1.0,
        "count_error": sum(abs(p - t) for _, p, t in counts) / len(counts),
    }


def accuracy_scores(matches: Sequence[bool]) -> dict[str, float]:
    """Share of matches with its 95 % interval."""
    if not matches:
        return {}
    low, high = wilson_interval(sum(matches), len(matches))
    return {
        "accuracy": sum(matches) / len(matches),
        "accuracy_low95": low,
        "accuracy_high95": high,
    }
