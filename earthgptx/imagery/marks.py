"""Marks on an image: what can be drawn, what is refused, and how a user's drawing is simulated."""

from earthgptx.imagery.mark_limits import (
    MAX_MARKS_PER_REGION,
    MAX_REGIONS,
    MAX_VERTICES,
    validate_regions,
)
from earthgptx.imagery.mark_shapes import (
    DEFAULT_SCRIBBLE_SHARE,
    MARK_KINDS,
    BoxMark,
    Mark,
    MarkKind,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
    mark_extent_xyxy_px,
    mark_kind,
    region_extent_xyxy_px,
)
from earthgptx.imagery.simulated_marks import (
    marks_from_mask,
    mixed_marks_from_mask,
    part_of_box,
)

__all__ = [
    "DEFAULT_SCRIBBLE_SHARE",
    "MARK_KINDS",
    "MAX_MARKS_PER_REGION",
    "MAX_REGIONS",
    "MAX_VERTICES",
    "BoxMark",
    "Mark",
    "MarkKind",
    "MaskMark",
    "PointMark",
    "PolygonMark",
    "Region",
    "ScribbleMark",
    "mark_extent_xyxy_px",
    "mark_kind",
    "marks_from_mask",
    "mixed_marks_from_mask",
    "part_of_box",
    "region_extent_xyxy_px",
    "validate_regions",
]
