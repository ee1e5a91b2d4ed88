"""filter, sort, merge, count, measure: what is done with what was found."""

from __future__ import annotations

from collections.abc import Mapping

from earthgptx.imagery.header import ImageHeader
from services.orchestrator.task_work.arguments import (
    Arguments,
    BoundCondition,
    flag_in,
    number_in,
    regions_in,
    text_in,
    whole_in,
)
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.merging import merged
from services.orchestrator.task_work.shapes import measured
from workflow_language.region_sets import (
    Region,
    count_by_label,
    filter_regions,
    sort_regions,
)
from workflow_language.values import Cell, Table, Value

MEASURED = ("label", "score", "x0_px", "y0_px", "x1_px", "y1_px", "area_px", "area_m2", "length_m")


async def keep(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """`filter`: those for which the condition holds."""
    where = arguments["where"]
    assert isinstance(where, BoundCondition)
    kept = filter_regions(regions_in(arguments, "regions"), where.expression, where.value_of)
    return {"regions": kept}


async def sort(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Puts regions in order of a field."""
    at_most = whole_in(arguments, "at_most") if "at_most" in arguments else None
    descending = text_in(arguments, "order") == "descending"
    regions = regions_in(arguments, "regions")
    return {"regions": sort_regions(regions, text_in(arguments, "by"), descending, at_most)}


async def merge(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Tells what several views show of one thing to be that thing, once and whole."""
    things = await context.draw(
        merged,
        regions_in(arguments, "regions"),
        number_in(arguments, "overlap"),
        flag_in(arguments, "same_label"),
    )
    return {"regions": things}


async def count(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Counts regions, all and by label."""
    regions = regions_in(arguments, "regions")
    by_label = tuple(count_by_label(regions).items())
    return {"number": len(regions), "by_label": Table(("label", "number"), by_label)}


async def measure(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Measures regions on the ground of their scenes."""
    regions = regions_in(arguments, "regions")
    headers = await context.headers({region.image_id for region in regions})
    known = await context.draw(_measured_all, regions, headers)
    return {
        "regions": known,
        "table": Table(MEASURED, tuple(map(_row, known))),
        "total_area_m2": sum(region.area_m2 or 0.0 for region in known),
    }


def _measured_all(
    regions: tuple[Region, ...], headers: Mapping[str, ImageHeader]
) -> tuple[Region, ...]:
    return tuple(measured(region, headers.get(region.image_id)) for region in regions)


def _row(region: Region) -> tuple[Cell, ...]:
    sizes = (region.area_px, region.area_m2, region.length_m)
    return (region.label, region.score, *region.box_xyxy_px, *sizes)
