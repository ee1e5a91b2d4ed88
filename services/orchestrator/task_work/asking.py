"""One question to the stages, from a view of a scene; features that are lost are made again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TypeVar

from earthgptx.imagery.mark_limits import MAX_MASK_PIXELS, MAX_REGIONS
from earthgptx.imagery.windows import Window
from protos.earthgptx.v1 import geometry_pb2
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.sightings import Sighting, sight
from shared.errors import StageUnavailable, TensorGone
from shared.feature_refs import MODALITY_NUMBERS
from shared.interpretation.answering import tell
from shared.interpretation.boxes import BoxPx, box_message
from shared.interpretation.events import BoxesFound, Event, MaskDrawn, TextSaid
from shared.interpretation.features import stop
from shared.interpretation.plan import ANSWER, SEGMENT_REGIONS, Plan
from workflow_language.region_sets import Region
from workflow_language.values import MaskPixels, SceneView

T = TypeVar("T")
# Questions of one task at a time: enough for a stage to batch them.
AT_ONCE = 4
# Features may be lost after the first words, where `tell` itself does not begin anew.
MAX_BEGINNINGS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer.

    Attributes:
        text: its words, without markup.
        boxes: all boxes in pixels of the scene, each with how sure the model is of it, 0 to 1;
            None where it said them in words.
        masks: in the order of the words, or of the regions.
        pixel_px: side of a pixel of what was looked at, in pixels of the scene.
    """

    text: str
    boxes: tuple[tuple[BoxPx, float | None], ...]
    masks: tuple[MaskDrawn, ...]
    pixel_px: float = 1.0


async def ask(
    context: TaskContext,
    view: SceneView,
    window: Window,
    question: str,
    regions: Sequence[Region] = (),
    max_new_tokens: int = 0,
    outlined: bool = False,
) -> Asked:
    """Asks about a window of a scene; `regions` are <Region 1> and so on, 64 at most.

    Where a scene has no data, nobody is asked, and nothing is answered. Masks are given if
    the answer is to be `outlined`.

    Raises:
        SuiteError: The stages refuse or fail; never `TensorGone`.
    """
    seen = await sight(context, view, window)
    if seen is None:
        return Asked("", (), ())
    plan = await _plan(context, view, seen, question, regions, max_new_tokens)
    events = await _told(context, plan)
    boxes = [
        (seen.box(box), score)
        for event in events
        if isinstance(event, BoxesFound)
        for box, score in zip_longest(event.boxes_xyxy_px, event.scores)
    ]
    masks = [event for event in events if isinstance(event, MaskDrawn) and outlined]
    return Asked(
        text="".join(event.text for event in events if isinstance(event, TextSaid)).strip(),
        boxes=tuple((box, score) for box, score in boxes if box is not None),
        masks=tuple([await _placed(context, seen, mask) for mask in masks]),
        pixel_px=seen.pixel_px,
    )


async def outline(
    context: TaskContext, view: SceneView, window: Window, regions: Sequence[Region]
) -> Asked:
    """The mask of what is in each region, in their order; any number of regions, no words.

    Raises:
        SuiteError: The stages refuse or fail; never `TensorGone`.
    """
    seen = await sight(context, view, window)
    if seen is None:
        empty = MaskDrawn("", 0, view.height_px, view.width_px, "", 0.0, 0, None)
        return Asked("", (), tuple(replace(empty, index=index) for index in range(len(regions))))
    masks = await _outlined(context, view, seen, regions)
    placed = tuple([await _placed(context, seen, mask) for mask in masks])
    return Asked("", (), placed, seen.pixel_px)


async def all_of(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results of all, `AT_ONCE` at a time; if one fails, the others are stopped."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(work: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await work()

    tasks = [asyncio.create_task(one(work)) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await stop(*tasks)


async def _outlined(
    context: TaskContext, view: SceneView, seen: Sighting, regions: Sequence[Region]
) -> list[MaskDrawn]:
    """Masks in pixels of what is looked at."""
    masks: list[MaskDrawn] = []
    for start in range(0, len(regions), MAX_REGIONS):
        part = regions[start : start + MAX_REGIONS]
        plan = await _plan(context, view, seen, "", part, 0)
        masks += [each for each in await _told(context, plan) if isinstance(each, MaskDrawn)]
    return masks


async def _plan(
    context: TaskContext,
    view: SceneView,
    seen: Sighting,
    question: str,
    regions: Sequence[Region],
    max_new_tokens: int,
) -> Plan:
    """A plan; without a question it is to outline the regions."""
    image, window = seen.image, seen.window
    size_px = (image.record.width_px, image.record.height_px)
    marked = [await context.draw(seen.marked, region) for region in regions]
    return Plan(
        run_id=context.run_id,
        tenant=context.tenant,
        task=ANSWER if question else SEGMENT_REGIONS,
        image=image.ref.to_proto(),
        image_width_px=size_px[0],
        image_height_px=size_px[1],
        window=geometry_pb2.Window(x0_px=window.x0_px, y0_px=window.y0_px, side_px=window.side_px),
        closer_looks=0,
        modality=MODALITY_NUMBERS[view.modality or None],
        question=question,
        regions=tuple(_marked(region, *size_px) for region in marked),
        max_new_tokens=max_new_tokens,
        adapter="",
    )


async def _placed(context: TaskContext, seen: Sighting, mask: MaskDrawn) -> MaskDrawn:
    """A mask in pixels of the scene; what was looked at may be the scene itself."""
    return mask if seen.frame is None else await context.draw(seen.mask, mask)


async def _told(context: TaskContext, plan: Plan) -> list[Event]:
    for _ in range(MAX_BEGINNINGS):
        try:
            async with aclosing(tell(context.parts.stages, plan)) as telling:
                return [event async for event in telling]
        except TensorGone:
            continue
    raise StageUnavailable("the features of the image were lost again and again")


def _marked(region: Region, width_px: int, height_px: int) -> geometry_pb2.Region:
    """The region as the user drew it, else its pixels, else its box."""
    return geometry_pb2.Region(marks=[_mark(region, width_px, height_px)])


def _mark(region: Region, width_px: int, height_px: int) -> geometry_pb2.Mark:
    if region.drawn is not None:
        points = [geometry_pb2.Point(x_px=x, y_px=y) for x, y in region.drawn.vertices_xy_px]
        match region.drawn.shape:
            case "point":
                return geometry_pb2.Mark(point=points[0])
            case "polygon":
                return geometry_pb2.Mark(polygon=geometry_pb2.Polygon(vertices=points))
            case "scribble":
                return geometry_pb2.Mark(scribble=geometry_pb2.Scribble(vertices=points))
    # In large scenes a full call of masks would be refused: there the box stands for them.
    fits = MAX_REGIONS * width_px * height_px <= MAX_MASK_PIXELS
    if isinstance(region.mask, MaskPixels) and fits:
        mask = region.mask
        return geometry_pb2.Mark(
            mask=geometry_pb2.RleMask(
                height_px=mask.height_px, width_px=mask.width_px, counts=mask.counts
            )
        )
    return geometry_pb2.Mark(box=box_message(region.box_xyxy_px))
