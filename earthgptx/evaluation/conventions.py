"""Edge cases on which published evaluations differ, each chosen by a flag and told in the report.

| choice | here | elsewhere |
|---|---|---|
| IoU where neither side marks anything | 1 (LISA, SegEarth-R1) | 0 (RMSIN) |
| IoU equal to a threshold | passes (RMSIN) | fails (SegEarth-R1) |
| masks are compared at | the image's own size | 480 x 480 (RMSIN) |
| text of a label | without article and marks, lower case | Osprey's: cased, after the first colon |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.label_text import normalised, osprey_prediction, osprey_truth

MaskHW = npt.NDArray[np.bool_]
LabelText = Literal["plain", "osprey"]


@dataclass(frozen=True)
class Conventions:
    """How edge cases count.

    Attributes:
        empty_union_iou: IoU where truth and prediction are both empty, 1 or 0.
        strict_threshold: a threshold must be passed, not only reached.
        compare_side_px: masks are resized to a square of this side (nearest) before they are
            compared; 0 compares them as they are.
        label_text: how labels are cleaned before SS and S-IoU.
    """

    empty_union_iou: float = 1.0
    strict_threshold: bool = False
    compare_side_px: int = 0
    label_text: LabelText = "plain"

    def told(self) -> dict[str, object]:
        """For the report."""
        return asdict(self)

    def passes(self, values_N: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.bool_]:
        """Which IoUs count as found at a threshold."""
        return values_N > level if self.strict_threshold else values_N >= level

    def shown(self, mask_HW: MaskHW) -> MaskHW:
        """The mask at the size at which masks are compared."""
        side = self.compare_side_px
        if not side:
            return mask_HW
        resized = cv2.resize(
            mask_HW.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST
        )
        return resized.astype(np.bool_)

    @property
    def clean_prediction(self) -> Callable[[str], str]:
        """Text of a predicted label."""
        return osprey_prediction if self._osprey else normalised

    @property
    def clean_truth(self) -> Callable[[str], str]:
        """Text of a true label."""
        return osprey_truth if self._osprey else normalised

    @property
    def _osprey(self) -> bool:
        return self.label_text == "osprey"
