"""What was done to a scene's pixels before the model saw them, told beside what it found there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from earthgptx.imagery.header import ImageHeader
from earthgptx.scenes.tile_plan import resampling_in_words
from workflow_language.region_sets import Region


def resampling_of(regions: Iterable[Region], headers: Mapping[str, ImageHeader]) -> str:
    """In words; "" where nobody looked, e.g. at what was drawn by hand.

    Args:
        regions: of any scenes, seen in any views.
        headers: of their scenes, by image id.
    """
    shown = {(each.pixel_px, each.image_id) for each in regions if each.pixel_px is not None}
    words = dict.fromkeys(
        resampling_in_words(headers[image_id].gsd_m if image_id in headers else None, pixel_px)
        for pixel_px, image_id in sorted(shown)
    )
    first, *others = words or ("",)
    return f"from view to view: {first}; to: {others[-1]}" if others else first


def shown_gsd_m(region: Region, headers: Mapping[str, ImageHeader]) -> float | None:
    """Ground sampling at which the model saw it, in metres; None if that is not known."""
    if region.pixel_px is None or region.image_id not in headers:
        return None
    gsd_m = headers[region.image_id].gsd_m
    return float(f"{gsd_m * region.pixel_px:.6g}") if gsd_m else None
