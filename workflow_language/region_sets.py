"""What `filter`, `sort`, `count` and `match` do, as functions of the regions alone.

Boxes are [x0, y0, x1, y1) in pixels of the scene the regions lie in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workflow_language.expressions.evaluation import ValueOf, holds
from workflow_language.expressions.syntax import Expression

BoxXyxyPx = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a region was drawn, where that is more than its box.

    Attributes:
        shape: "point", "polygon" or "scribble".
        vertices_xy_px: one, a ring (the first not repeated), or a stroke.
    """

    shape: str
    vertices_xy_px: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """How a region was seen, for those who stitch what several views show.

    Attributes:
        window_xyxy_px: what was looked at, in pixels of the scene.
        trusted_xyxy_px: the part of it in which masks are kept; None: all of it.
        cut: its box ends at an edge of what was looked at that is not the scene's.
    """

    window_xyxy_px: BoxXyxyPx
    trusted_xyxy_px: BoxXyxyPx | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """One thing in a scene; what is not known is None.

    Attributes:
        box_xyxy_px: its extent; has an area.
        label: what it is, in a word or two.
        caption: what it is, in a sentence.
        score: how sure that is, 0 to 1.
        mask: its pixels, in whatever form the caller keeps them.
        area_px: pixels inside.
        area_m2: square metres inside.
        length_m: the longer side of the smallest rectangle around it, in metres.
        image_id: of the scene it lies in; empty if it was written out by hand.
        drawn: its shape, if a hand drew one.
        seen: in which view; None where nobody looked, or where it was put together.
        pixel_px: side of a pixel as the model was shown it, in pixels of the scene; None where
            nobody looked.
    """

    box_xyxy_px: BoxXyxyPx
    label: str | None = None
    caption: str | None = None
    score: float | None = None
    mask: object = None
    area_px: float | None = None
    area_m2: float | None = None
    length_m: float | None = None
    image_id: str = ""
    drawn: Drawn | None = None
    seen: Seen | None = None
    pixel_px: float | None = None

    def fields(self) -> dict[str, str | float | None]:
        """The fields of the language (`value_types.REGION_FIELDS`)."""
        x0, y0, x1, y1 = self.box_xyxy_px
        return {
            "label": self.label,
            "caption": self.caption,
            "score": self.score,
            "width_px": x1 - x0,
            "height_px": y1 - y0,
            "area_px": self.area_px,
            "area_m2": self.area_m2,
            "length_m": self.length_m,
        }


@dataclass(frozen=True, slots=True)
class Matched:
    """Things of two dates: only later, only earlier, both (as seen later)."""

    appeared: tuple[Region, ...]
    vanished: tuple[Region, ...]
    remained: tuple[Region, ...]


def filter_regions(
    regions: Sequence[Region], where: Expression, value_of: ValueOf
) -> tuple[Region, ...]:
    """Those for which the condition holds, in their order."""
    return tuple(region for region in regions if holds(where, value_of, region.fields()))


def sort_regions(
    regions: Sequence[Region], by: str, descending: bool = True, at_most: int | None = None
) -> tuple[Region, ...]:
    """In order of a field, those without it last; equal ones keep their order."""
    known = [region for region in regions if region.fields()[by] is not None]
    others = [region for region in regions if region.fields()[by] is None]
    # A field is a text in every region or a number in every region.
    known.sort(key=lambda region: region.fields()[by], reverse=descending)  # type: ignore[arg-type, return-value]
    return tuple([*known, *others][:at_most])


def count_by_label(regions: Sequence[Region]) -> dict[str, int]:
    """How many of each label, the most frequent first, then by name; "" for those without."""
    counted = Counter(region.label or "" for region in regions)
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def match_regions(
    before: Sequence[Region], after: Sequence[Region], overlap: float = 0.3
) -> Matched:
    """Pairs things of two dates, the best overlap first; each is in one pair at most.

    Args:
        before: things of the earlier date.
        after: things of the later date, in the same frame of coordinates.
        overlap: intersection over union from which two are one thing, above 0.
    """
    pairs: list[tuple[float, int, int]] = []
    boxes_N4 = np.array([region.box_xyxy_px for region in after], dtype=np.float64).reshape(-1, 4)
    along_x = _AlongX(boxes_N4)
    for earlier, region in enumerate(before):
        box_4 = np.array(region.box_xyxy_px, dtype=np.float64)
        near_M = along_x.near(box_4)
        shared_M, union_M = _overlaps(box_4, boxes_N4[near_M])
        for index in np.flatnonzero((shared_M > 0) & (shared_M >= overlap * union_M)):
            iou = float(shared_M[index] / union_M[index])
            pairs.append((-iou, earlier, int(near_M[index])))
    matched: set[int] = set()
    remained: set[int] = set()
    for _, earlier, later in sorted(pairs):
        if later not in remained and earlier not in matched:
            matched.add(earlier)
            remained.add(later)
    return Matched(
        appeared=tuple(each for n, each in enumerate(after) if n not in remained),
        vanished=tuple(each for n, each in enumerate(before) if n not in matched),
        remained=tuple(each for n, each in enumerate(after) if n in remained),
    )


class _AlongX:
    """Boxes by where they lie along one axis: of ten thousand, few share anything with another."""

    def __init__(self, boxes_N4: npt.NDArray[np.float64]) -> None:
        self._order_N = np.argsort(boxes_N4[:, 0])
        self._starts_N = boxes_N4[self._order_N, 0]
        # How far the boxes that begin no later reach.
        self._reach_N = np.maximum.accumulate(boxes_N4[self._order_N, 2])

    def near(self, box_4: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """Numbers of all boxes that may share some area with this one, in order."""
        first = np.searchsorted(self._reach_N, box_4[0], side="right")
        end = np.searchsorted(self._starts_N, box_4[2], side="left")
        return np.sort(self._order_N[first:end])


def _overlaps(
    box_4: npt.NDArray[np.float64], boxes_N4: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """With each of the boxes: the area shared, and that of both."""
    low_N2 = np.maximum(boxes_N4[:, :2], box_4[:2])
    high_N2 = np.minimum(boxes_N4[:, 2:], box_4[2:])
    shared_N = np.clip(high_N2 - low_N2, 0, None).prod(axis=1)
    area = float((box_4[2:] - box_4[:2]).prod())
    areas_N = (boxes_N4[:, 2:] - boxes_N4[:, :2]).prod(axis=1)
    return shared_N, areas_N + area - shared_N


def surest_first(region: Region) -> tuple[float, BoxXyxyPx, str, str, str]:
    """A key to sort by: of all orders one, whatever order they come in."""
    score = -1.0 if region.score is None else region.score
    words = (region.label or "", region.caption or "", region.image_id)
    return (-score, region.box_xyxy_px, *words)
