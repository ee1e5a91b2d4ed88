"""detect, segment, segment_regions: things with their boxes and outlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from earthgptx.imagery.mark_limits import MAX_REGIONS
from earthgptx.imagery.windows import Window
from earthgptx.words import plural
from services.orchestrator.task_work.arguments import (
    Arguments,
    regions_in,
    text_in,
    texts_in,
    view_in,
    whole_in,
)
from services.orchestrator.task_work.asking import all_of, ask, outline
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.merging import merged
from services.orchestrator.task_work.outlines import as_found, parts_of
from services.orchestrator.task_work.tiling import squares
from services.orchestrator.task_work.views import closer_window, seen_in, seen_through, window_of
from shared.errors import InvalidInput
from workflow_language.region_sets import Region, sort_regions
from workflow_language.values import SceneView, Value

# What two squares show of one thing agrees by as much, at least.
SAME = 0.5


async def detect(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Finds the things of each kind; a kind is one question, or one of each square of `side_px`."""
    view = view_in(arguments, "image")
    labels = dict.fromkeys(label.strip() for label in texts_in(arguments, "labels"))
    if "" in labels:
        raise InvalidInput("a label is empty", field="labels", limit="at least one letter")
    looks: tuple[SceneView, ...] = (view,)
    if "side_px" in arguments:
        looks = squares(context, view, whole_in(arguments, "side_px"))
    asked = [partial(_detect_one, context, look, label) for look in looks for label in labels]
    regions = [region for found in await all_of(asked) for region in found]
    if len(looks) > 1:
        regions = list(await context.draw(merged, regions, SAME, True))
    return {"regions": sort_regions(regions, "score", at_most=whole_in(arguments, "at_most"))}


async def segment(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Outlines what the words say, each connected part by itself; the largest 64."""
    view, words = view_in(arguments, "image"), text_in(arguments, "words").strip().rstrip(".")
    if not words:
        raise InvalidInput("there are no words", field="words", limit="at least one word")
    asked = await ask(context, view, window_of(view), f"segment {words}.", outlined=True)
    whole = [
        as_found(mask, mask.phrase or words, view.image_id, seen_in(view), asked.pixel_px)
        for mask in asked.masks
    ]
    parts = [
        part for found in whole if found is not None for part in await context.draw(parts_of, found)
    ]
    return {"masks": sort_regions(parts, "area_px", at_most=MAX_REGIONS)}


async def segment_regions(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Outlines the thing in each region, looked at closely; one that is empty is left out."""
    view, regions = view_in(arguments, "image"), regions_in(arguments, "regions")
    near: dict[Window, list[int]] = defaultdict(list)
    for number, region in enumerate(regions):
        near[closer_window(view, [region.box_xyxy_px])].append(number)

    async def in_window(window: Window, numbers: list[int]) -> list[tuple[int, Region]]:
        marked = [regions[number] for number in numbers]
        asked = await outline(context, view, window, marked)
        outlined = zip(numbers, marked, asked.masks, strict=True)
        seen, pixel_px = seen_through(window), asked.pixel_px
        masks = [
            (n, r, as_found(mask, r.label, view.image_id, seen, pixel_px))
            for n, r, mask in outlined
        ]
        return [(n, replace(found, caption=r.caption)) for n, r, found in masks if found]

    in_windows = await all_of([partial(in_window, *each) for each in near.items()])
    in_order = sorted((pair for pairs in in_windows for pair in pairs), key=lambda pair: pair[0])
    return {"masks": tuple(region for _, region in in_order)}


async def _detect_one(context: TaskContext, view: SceneView, label: str) -> list[Region]:
    asked = await ask(context, view, window_of(view), f"detect all {plural(label)}.")
    return [
        Region(
            box,
            label=label,
            score=score,
            image_id=view.image_id,
            seen=seen_in(view, box),
            pixel_px=asked.pixel_px,
        )
        for box, score in dict(asked.boxes).items()
    ]
