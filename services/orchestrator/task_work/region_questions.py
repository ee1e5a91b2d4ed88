"""classify_regions, caption_regions, relate: questions about what is marked.

Each region is asked about by itself, and looked at closely, as the public API does: of many small
things in one view little would be seen, and one wrong line would shift all after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from services.orchestrator.task_work.arguments import (
    Arguments,
    flag_in,
    regions_in,
    texts_in,
    view_in,
    whole_in,
)
from services.orchestrator.task_work.asking import all_of, ask
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.image_questions import check_count
from services.orchestrator.task_work.label_choice import chosen_label
from services.orchestrator.task_work.views import closer_window
from workflow_language.region_sets import Region
from workflow_language.values import SceneView, Value


async def classify_regions(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Names what each region shows; without a label where it is none of those allowed."""
    view, regions = view_in(arguments, "image"), regions_in(arguments, "regions")
    labels = texts_in(arguments, "labels")
    said = await _ask_each(context, view, regions, "what is <Region 1>?")
    return {
        "regions": tuple(
            replace(region, label=chosen_label(text, labels))
            for region, text in zip(regions, said, strict=True)
        )
    }


async def caption_regions(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Describes each region."""
    view, regions = view_in(arguments, "image"), regions_in(arguments, "regions")
    detailed = flag_in(arguments, "detailed")
    question = "describe <Region 1> in detail." if detailed else "describe <Region 1>."
    tokens = whole_in(arguments, "max_new_tokens")
    said = await _ask_each(context, view, regions, question, tokens)
    return {
        "regions": tuple(
            replace(region, caption=text) for region, text in zip(regions, said, strict=True)
        )
    }


async def relate(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Says how the regions lie to each other."""
    view, regions = view_in(arguments, "image"), regions_in(arguments, "regions")
    check_count(regions, 2)
    if len(regions) == 2:
        question = "what is the relation between <Region 1> and <Region 2>?"
    else:
        question = "please analyze the relationship between all marked regions in the image."
    window = closer_window(view, [region.box_xyxy_px for region in regions], question)
    tokens = whole_in(arguments, "max_new_tokens")
    return {"text": (await ask(context, view, window, question, regions, tokens)).text}


async def _ask_each(
    context: TaskContext,
    view: SceneView,
    regions: tuple[Region, ...],
    question: str,
    max_new_tokens: int = 0,
) -> list[str]:
    async def one(region: Region) -> str:
        window = closer_window(view, [region.box_xyxy_px], question)
        return (await ask(context, view, window, question, (region,), max_new_tokens)).text

    return await all_of([partial(one, region) for region in regions])
