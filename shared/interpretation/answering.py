"""All four steps of an interpretation in one go, told as it happens.

Words and boxes are told as they come; a mask is begun as soon as its [SEG] is there, and those that
appear meanwhile are drawn together next. Tensors that are gone are made again, a bounded number of
times. Leaving the iterator early stops every stage at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

from shared.errors import TensorGone
from shared.interpretation import steps
from shared.interpretation.events import Ended, Event, ImageSeen
from shared.interpretation.features import RemadeFeatures, encode, stop
from shared.interpretation.plan import SEGMENT_REGIONS, Plan
from shared.interpretation.steps import Answer, Drawn, ReasonEvent, SegFound
from shared.stage_clients import StageClients

T = TypeVar("T")
Told = asyncio.Queue[ReasonEvent | asyncio.Task[Any]]


async def tell(stages: StageClients, plan: Plan) -> AsyncGenerator[Event, None]:
    """What there is to be told; begins with `ImageSeen`, ends with an `Ended` that succeeded.

    Raises:
        SuiteError: It failed, perhaps after something was told.
    """
    features = await encode(stages, plan)
    image = features.image
    seen: ImageSeen | None = ImageSeen(image.encoded.band_note, image.from_cache)
    ended = Ended("succeeded", image_from_cache=image.from_cache)
    answering = _Answering(stages, plan, RemadeFeatures(stages, plan, features))
    async with aclosing(answering.events()) as events:
        async for event in events:
            # Accepted only now, when every stage that begins the answer has taken it on: a full
            # queue before that is a plain refusal.
            if seen:
                yield seen
                seen = None
            if isinstance(event, Answer):
                ended = _with_answer(ended, event)
            else:
                yield event
    yield ended


class _Answering:
    """The later two steps of one interpretation."""

    def __init__(self, stages: StageClients, plan: Plan, features: RemadeFeatures) -> None:
        self._stages = stages
        self._plan = plan
        self._features = features

    async def events(self) -> AsyncGenerator[Event | Answer, None]:
        if self._plan.task == SEGMENT_REGIONS:
            for found in await self._draw([]):
                yield found
            return
        told: Told = asyncio.Queue()
        speaking = _begin(self._speak(told), told)
        drawing: asyncio.Task[tuple[Drawn, ...]] | None = None
        waiting: list[SegFound] = []
        spoken = False
        try:
            while not spoken or drawing:
                item = await told.get()
                if item is speaking:
                    speaking.result()
                    spoken = True
                elif drawing and item is drawing:
                    for found in drawing.result():
                        yield found
                    drawing = None
                elif isinstance(item, SegFound):
                    waiting.append(item)
                elif not isinstance(item, asyncio.Task):
                    yield item
                if waiting and drawing is None:
                    drawing = _begin(self._draw(waiting), told)
                    waiting = []
        finally:
            await stop(speaking, drawing)

    async def _speak(self, told: Told) -> None:
        said = False
        while True:
            used = self._features.current
            try:
                async for event in self._reason():
                    said = True
                    told.put_nowait(event)
                return
            except TensorGone as gone:
                if said:
                    raise
                await self._features.remake(gone, used)

    async def _draw(self, segs: list[SegFound]) -> tuple[Drawn, ...]:
        while True:
            used = self._features.current
            try:
                return await steps.decode_masks(
                    self._stages, self._plan, used.image, used.prompts, segs
                )
            except TensorGone as gone:
                remade = await self._features.remake(gone, used)
                # States are small and travel in messages: only if new features did not help.
                if segs and remade.remakes > 1:
                    wanted = {seg.index for seg in segs}
                    again = [e async for e in self._reason() if isinstance(e, SegFound)]
                    segs = [seg for seg in again if seg.index in wanted]

    async def _reason(self) -> AsyncGenerator[ReasonEvent, None]:
        features = self._features.current
        reasoning = steps.reason(self._stages, self._plan, features.image, features.prompts)
        async with aclosing(reasoning):
            async for event in reasoning:
                yield event


def _begin(work: Coroutine[Any, Any, T], told: Told) -> asyncio.Task[T]:
    """Runs `work` beside; the task itself comes out of `told` when it is through."""
    task = asyncio.create_task(work)
    task.add_done_callback(told.put_nowait)
    return task


def _with_answer(ended: Ended, answer: Answer) -> Ended:
    return replace(
        ended,
        answer=answer.text,
        raw_answer=answer.raw_text,
        prompt_tokens=answer.prompt_tokens,
        new_tokens=answer.new_tokens,
        truncated=answer.truncated,
    )
