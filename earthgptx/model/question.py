"""One question about one image; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.marks import Region
from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.windows import Window


@dataclass(frozen=True)
class Question:
    """One question about one image.

    Attributes:
        pixels_HWC: uint8 [H, W, 3] in display range.
        words: regions are addressed as "<Region 1>".
        regions: marks in pixels of the full image.
        modality: "optical", "sar", "infrared", or None where not known.
        window: what to look at; None chooses as ZOOM_AUTO does (``question_window``).
        valid_HW: where there is data, and masks may be; None where everywhere.
    """

    pixels_HWC: npt.NDArray[np.uint8]
    words: str
    regions: tuple[Region, ...] = ()
    modality: str | None = None
    window: Window | None = None
    valid_HW: ValidHW | None = None
