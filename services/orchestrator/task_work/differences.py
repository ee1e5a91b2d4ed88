"""Where two pictures of one place differ."""

from __future__ import annotations

import cv2
import numpy as np

from services.orchestrator.task_work.outlines import LEAST_AREA_PX
from services.orchestrator.task_work.scene_reader import PixelsHWC
from workflow_language.region_sets import Region

# A shift by part of a pixel shows along every edge: it is smoothed away first.
_SMOOTHED_PX = 1.0


def find_differences(
    earlier_HWC: PixelsHWC, later_HWC: PixelsHWC, threshold: float
) -> tuple[list[Region], float]:
    """Connected places that differ, the largest first, and their share of the area.

    Args:
        earlier_HWC: uint8 [h, w, 3]; brought to the size of the later.
        later_HWC: uint8 [H, W, 3].
        threshold: mean difference of the channels that counts, 0 to 1 of the range of values.

    Returns:
        Regions in pixels of the later, scored by their mean difference, without specks; and the
        share of pixels that differ, 0 to 1, specks counted.
    """
    height, width = later_HWC.shape[:2]
    method = cv2.INTER_AREA if earlier_HWC.shape[1] > width else cv2.INTER_LINEAR
    same_size_HWC = cv2.resize(earlier_HWC, (width, height), interpolation=method)
    smooth = [
        cv2.GaussianBlur(each, (0, 0), _SMOOTHED_PX).astype(np.float32)
        for each in (same_size_HWC, later_HWC)
    ]
    difference_HW = np.abs(smooth[1] - smooth[0]).mean(axis=2) / 255
    differs_HW = difference_HW > threshold
    count, numbers_HW, facts, _ = cv2.connectedComponentsWithStats(
        differs_HW.astype(np.uint8), connectivity=8
    )
    summed = np.bincount(numbers_HW.ravel(), weights=difference_HW.ravel(), minlength=count)
    regions = []
    for number in range(1, count):
        left, top, wide, high, area_px = (int(fact) for fact in facts[number])
        if area_px >= LEAST_AREA_PX:
            box = (float(left), float(top), float(left + wide), float(top + high))
            score = float(summed[number]) / area_px
            regions.append(Region(box, score=score, area_px=float(area_px)))
    regions.sort(key=lambda region: -(region.area_px or 0))
    return regions, float(differs_HW.mean())
