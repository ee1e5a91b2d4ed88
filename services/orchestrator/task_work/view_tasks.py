"""zoom, compare, match: which parts are looked at, and two dates side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.orchestrator.task_work.arguments import (
    Arguments,
    number_in,
    region_in,
    regions_in,
    view_in,
    whole_in,
)
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.differences import find_differences
from services.orchestrator.task_work.views import frame_of
from workflow_language.region_sets import BoxXyxyPx, match_regions
from workflow_language.values import SceneView, Value

# Closer than so many pixels there is nothing to be seen.
LEAST_SIDE_PX = 16
# Finer differences are those of noise and of half a pixel's shift.
COMPARED_PX = 2048


async def zoom(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """A square around the region, moved into the scene where it would reach beyond it."""
    view, region = view_in(arguments, "image"), region_in(arguments, "region")
    window = _around(region.box_xyxy_px, number_in(arguments, "context"), view)
    side_px = whole_in(arguments, "side_px") if "side_px" in arguments else None
    closer = replace(view, window_xyxy_px=window, trusted_xyxy_px=None, shown_px=None)
    return {"image": replace(closer, side_px=side_px)}


async def compare(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Finds where two pictures of one place differ, as shown, at 2048 px at most."""
    before, after = view_in(arguments, "before"), view_in(arguments, "after")
    earlier_HWC = await context.pixels(before, COMPARED_PX)
    later_HWC = await context.pixels(after, COMPARED_PX)
    found, share = await context.draw(
        find_differences, earlier_HWC, later_HWC, number_in(arguments, "threshold")
    )
    frame = frame_of(after, later_HWC.shape[1])
    placed = [
        replace(
            region,
            box_xyxy_px=frame.to_scene(region.box_xyxy_px),
            area_px=(region.area_px or 0) / frame.scale**2,
            image_id=after.image_id,
            pixel_px=1 / frame.scale,
        )
        for region in found[: whole_in(arguments, "at_most")]
    ]
    return {"regions": tuple(placed), "share": share}


async def match(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Tells which things of two dates are the same, new or gone."""
    matched = await context.draw(
        match_regions,
        regions_in(arguments, "before"),
        regions_in(arguments, "after"),
        number_in(arguments, "overlap"),
    )
    return {
        "appeared": matched.appeared,
        "vanished": matched.vanished,
        "remained": matched.remained,
    }


def _around(box_xyxy_px: BoxXyxyPx, context: float, view: SceneView) -> BoxXyxyPx:
    """A square of whole pixels with the box in its middle, no larger than the scene's square."""
    x0, y0, x1, y1 = box_xyxy_px
    longest_px = max(view.width_px, view.height_px)
    wanted_px = round(context * max(x1 - x0, y1 - y0))
    side_px = min(max(wanted_px, LEAST_SIDE_PX), longest_px)
    left = _start((x0 + x1) / 2, side_px, view.width_px)
    top = _start((y0 + y1) / 2, side_px, view.height_px)
    return (float(left), float(top), float(left + side_px), float(top + side_px))


def _start(middle_px: float, side_px: int, length_px: int) -> int:
    """Where it begins along one axis; in a scene that is shorter, with the scene in its middle."""
    if side_px >= length_px:
        return -((side_px - length_px) // 2)
    return min(max(round(middle_px - side_px / 2), 0), length_px - side_px)
