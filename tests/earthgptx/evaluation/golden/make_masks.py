"""Writes masks.json: what the meters of RMSIN and of LISA make of the same overlaps.

    python tests/earthgptx/evaluation/golden/make_masks.py

Neither is a package, so their evaluation loops are followed step by step below, in the way each
goes about it: RMSIN's test.py (commit 17c7787) counts sample by sample, LISA's train_ds.py (commit
2261509) keeps meters of two classes.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def main() -> None:
    rng = np.random.default_rng(7)
    overlaps = []
    for _ in range(40):
        truth, drawn = rng.random((2, 12, 12)) < rng.choice([0.0, 0.1, 0.5, 0.9])
        if rng.random() < 0.5:
            drawn = truth ^ (rng.random((12, 12)) < 0.1 * rng.random())
        overlaps.append((int((truth & drawn).sum()), int((truth | drawn).sum())))
    overlaps += [(0, 0), (5, 10), (6, 10), (7, 10), (8, 10), (9, 10)]
    written = {"overlaps_px": overlaps, "RMSIN": rmsin(overlaps), "LISA": lisa(overlaps)}
    path = Path(__file__).with_name("masks.json")
    path.write_text(json.dumps(written) + "\n")


def rmsin(overlaps: list[tuple[int, int]]) -> dict[str, float]:
    cumulative_both = cumulative_either = 0
    ious, passed = [], {level: 0 for level in (0.5, 0.6, 0.7, 0.8, 0.9)}
    for both, either in overlaps:
        iou = both * 1.0 / either if either != 0 else 0.0
        ious.append(iou)
        cumulative_both += both
        cumulative_either += either
        for level in passed:
            if iou >= level:
                passed[level] += 1
    scores = {f"Pr@{level}": count / len(overlaps) for level, count in passed.items()}
    return {**scores, "mIoU": sum(ious) / len(ious), "oIoU": cumulative_both / cumulative_either}


def lisa(overlaps: list[tuple[int, int]]) -> dict[str, float]:
    both_sum, either_sum, iou_sum = np.zeros(2), np.zeros(2), np.zeros(2)
    for both, either in overlaps:
        inside = np.array([144 - either, both], float)
        union = np.array([144 - both, either], float)
        iou = inside / (union + 1e-5)
        iou[union == 0] += 1.0
        both_sum, either_sum, iou_sum = both_sum + inside, either_sum + union, iou_sum + iou
    whole = both_sum / (either_sum + 1e-10)
    return {"oIoU": float(whole[1]), "mIoU": float(iou_sum[1] / len(overlaps))}


if __name__ == "__main__":
    main()
