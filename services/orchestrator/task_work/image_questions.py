"""classify_scene, caption, answer, grounded_caption: questions about a whole view.

The questions are worded as in training (earthgptx/data/instructions/phrasings.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from earthgptx.imagery.mark_limits import MAX_REGIONS
from services.orchestrator.task_work.arguments import (
    Arguments,
    flag_in,
    regions_in,
    text_in,
    texts_in,
    view_in,
    whole_in,
)
from services.orchestrator.task_work.asking import ask
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.label_choice import chosen_label
from services.orchestrator.task_work.outlines import as_found
from services.orchestrator.task_work.views import seen_in, window_of
from shared.errors import InvalidInput
from workflow_language.region_sets import Region
from workflow_language.values import Value

# What a scene is called that is none of the kinds to choose from.
OTHER = "other"


async def classify_scene(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Names the kind of scene; `OTHER` if it is none of the labels."""
    view = view_in(arguments, "image")
    asked = await ask(context, view, window_of(view), "what kind of scene is this?")
    return {"label": chosen_label(asked.text, texts_in(arguments, "labels")) or OTHER}


async def caption(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Describes the view."""
    view = view_in(arguments, "image")
    detailed = flag_in(arguments, "detailed")
    question = "describe the image in detail." if detailed else "describe the image."
    tokens = whole_in(arguments, "max_new_tokens")
    asked = await ask(context, view, window_of(view), question, max_new_tokens=tokens)
    return {"text": asked.text}


async def answer(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Answers a question in the user's words."""
    view = view_in(arguments, "image")
    question = text_in(arguments, "question")
    if not question.strip():
        raise InvalidInput("the question is empty", field="question", limit="at least one word")
    regions = regions_in(arguments, "regions")
    check_count(regions, 0)
    tokens = whole_in(arguments, "max_new_tokens")
    return {"text": (await ask(context, view, window_of(view), question, regions, tokens)).text}


async def grounded_caption(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Describes the view and outlines what the words mention."""
    view = view_in(arguments, "image")
    question = "describe the image with segmentation masks."
    tokens = whole_in(arguments, "max_new_tokens")
    asked = await ask(
        context, view, window_of(view), question, max_new_tokens=tokens, outlined=True
    )
    seen = seen_in(view)
    found = [
        as_found(mask, mask.phrase or None, view.image_id, seen, asked.pixel_px)
        for mask in asked.masks
    ]
    return {
        "text": asked.text,
        "masks": tuple(each for each in found if each is not None)[:MAX_REGIONS],
    }


def check_count(regions: tuple[Region, ...], least: int) -> None:
    """Refuses more regions than one question can name, or fewer than it needs.

    Raises:
        InvalidInput: There are more, or fewer.
    """
    if not least <= len(regions) <= MAX_REGIONS:
        raise InvalidInput(
            f"{len(regions)} regions were given",
            field="regions",
            limit=f"{least} to {MAX_REGIONS} regions in one question",
        )
