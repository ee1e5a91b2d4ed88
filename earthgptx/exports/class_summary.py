"""What was found, class by class."""

from __future__ import annotations

from dataclasses import dataclass

from earthgptx.exports.findings import Findings


@dataclass(frozen=True)
class ClassSummary:
    """Things of one class.

    Attributes:
        label: the class.
        count: how many.
        area_m2: of all their exact outlines (boxes where only these are known); None where the
            ground is not known.
        area_px: the same in pixels of the scene.
        mean_score: 0 to 1.
    """

    label: str
    count: int
    area_m2: float | None
    area_px: float
    mean_score: float


def summarise(result: Findings) -> list[ClassSummary]:
    """The classes by name."""
    summary = []
    for label in sorted({found.label for found in result.objects}):
        of_class = [found for found in result.objects if found.label == label]
        areas_m2 = [found.area_m2 for found in of_class if found.area_m2 is not None]
        summary.append(
            ClassSummary(
                label,
                len(of_class),
                sum(areas_m2) if areas_m2 else None,
                sum(found.area_px for found in of_class),
                sum(found.score for found in of_class) / len(of_class),
            )
        )
    return summary
