"""Scores of masks: mIoU, oIoU, Pr@X.

mIoU (RMSIN) is LISA's gIoU; oIoU (RMSIN) is LISA's cIoU; some call the second "gIoU" (DiCoR).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.conventions import Conventions, MaskHW
from earthgptx.evaluation.tally import Tally

PRECISION_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
# (pixels in both masks, pixels in either)
OverlapPx = tuple[int, int]


def mask_overlap_px(predicted_HW: MaskHW, truth_HW: MaskHW) -> OverlapPx:
    """Pixels in both masks, pixels in either.

    Raises:
        ValueError: the shapes differ.
    """
    if predicted_HW.shape != truth_HW.shape:
        raise ValueError(f"masks of {predicted_HW.shape} and {truth_HW.shape}")
    both = int(np.count_nonzero(predicted_HW & truth_HW))
    return both, int(np.count_nonzero(predicted_HW | truth_HW))


def add_mask_scores(
    tally: Tally, overlaps_px: Sequence[OverlapPx], conventions: Conventions
) -> None:
    """IoU of each sample, their mean, the overall IoU, and the shares that pass each level."""
    both_N, either_N = np.array(overlaps_px, np.float64).reshape(-1, 2).T
    iou_N = _iou(both_N, either_N, conventions.empty_union_iou)
    tally.mean("mIoU", iou_N)
    tally.ratio("oIoU", both_N, either_N, otherwise=conventions.empty_union_iou)
    for level in PRECISION_LEVELS:
        tally.share(f"Pr@{level}", conventions.passes(iou_N, level).tolist())


def _iou(
    both_N: npt.NDArray[np.float64], either_N: npt.NDArray[np.float64], empty: float
) -> npt.NDArray[np.float64]:
    return np.where(either_N > 0, both_N / np.maximum(either_N, 1), empty)
