"""What is kept of an image's header."""

from __future__ import annotations

from earthgptx.imagery.header import ImageHeader
from shared.image_records import ImageRecord


def record_of(
    header: ImageHeader, *, shown_as_is: bool, by_window: bool = False, has_gaps: bool = False
) -> ImageRecord:
    """The record of an image with this header; the rest as `ImageRecord` says."""
    return ImageRecord(
        format=header.format,
        width_px=header.width_px,
        height_px=header.height_px,
        band_count=header.band_count,
        band_dtype=header.band_dtype,
        size_bytes=header.size_bytes,
        crs=header.crs,
        gsd_m=header.gsd_m,
        transform=tuple(header.transform or ()),
        shown_as_is=shown_as_is,
        by_window=by_window,
        has_gaps=has_gaps,
    )
