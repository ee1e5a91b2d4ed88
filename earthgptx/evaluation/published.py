"""Figures that others published, on their data: shown beside ours, never mixed with them.

"primary": read in a primary source (a paper, a repository). "secondary": read in another's summary
of the paper; check before quoting. All as printed there, times 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CLASSIFICATION = "referring object classification"
CAPTIONING = "region captioning"
SEGMENTATION = "referring segmentation"


@dataclass(frozen=True)
class Published:
    """One row of somebody else's.

    Attributes:
        figures: by the names of ``paper_tables``' columns.
        source: where it was read.
    """

    table: str
    method: str
    data: str
    figures: dict[str, float]
    source: str
    read: Literal["primary", "secondary"]


def _labels(method: str, ss: float, overlap: float, data: str = "LVIS") -> Published:
    figures = {"box SS": ss, "box S-IoU": overlap}
    source = "table in the DINO-X paper; natural images; box or mask prompts"
    return Published(CLASSIFICATION, method, data, figures, source, "primary")


def _masks(
    method: str, at_50: float, at_60: float, at_70: float, at_80: float, at_90: float, *ious: float
) -> Published:
    """Columns Pr@0.5 to Pr@0.9, oIoU, mIoU."""
    overall, mean = ious
    figures = {"Pr@0.5": at_50, "Pr@0.6": at_60, "Pr@0.7": at_70, "Pr@0.8": at_80, "Pr@0.9": at_90}
    figures |= {"oIoU": overall, "mIoU": mean}
    source = "table in the DiCoR paper"
    return Published(SEGMENTATION, method, "RRSIS-D test", figures, source, "primary")


PUBLISHED: tuple[Published, ...] = (
    Published(
        CLASSIFICATION,
        "EarthGPT-X (13B)",
        "DIOR-RSVG test, 20 classes",
        {"box SS": 98.40, "box S-IoU": 97.13},
        "a summary of arXiv 2504.12795",
        "secondary",
    ),
    _labels("Kosmos-2", 38.95, 8.67),
    _labels("Shikra", 49.65, 19.82),
    _labels("GPT4RoI", 51.32, 11.99),
    _labels("Ferret", 63.78, 36.57),
    _labels("Osprey", 65.24, 38.19),
    _labels("DINO-X", 71.25, 41.15),
    _labels("Osprey", 73.06, 52.72, "PACO"),
    _masks("LAVT", 69.52, 63.63, 53.29, 41.60, 24.94, 77.19, 61.04),
    _masks("LGCE", 67.65, 61.53, 51.45, 39.62, 23.33, 76.34, 59.37),
    _masks("RMSIN", 74.26, 67.25, 55.93, 42.55, 24.53, 77.79, 64.20),
    _masks("FIANet", 74.46, 66.96, 56.31, 42.83, 24.13, 76.91, 64.01),
    _masks("CroBIM", 74.58, 67.57, 55.59, 41.63, 23.56, 75.99, 64.46),
    _masks("EVF-SAM", 72.16, 66.50, 56.59, 43.92, 25.48, 76.77, 62.75),
    _masks("RSRefSeg-1", 74.49, 68.33, 58.73, 48.50, 30.80, 77.24, 64.67),
    _masks("BTDNet", 75.93, 69.92, 59.29, 46.25, 27.46, 79.23, 66.04),
    _masks("RS2-SAM2", 77.56, 72.34, 61.76, 47.92, 29.73, 78.99, 66.72),
    _masks("DiCoR", 78.23, 71.78, 64.01, 48.57, 30.16, 79.45, 66.94),
    Published(
        SEGMENTATION,
        "SegEarth-R2 (3B)",
        "RRSIS-D test",
        {"mIoU": 67.9},
        "a summary of the SegEarth-R2 paper",
        "secondary",
    ),
    Published(
        SEGMENTATION,
        "GeoPixel (8B, fine-tuned)",
        "RRSIS-D test",
        {"mIoU": 67.30},
        "two summaries",
        "secondary",
    ),
)
