"""Features of a plan: made by both encoders side by side, and again when they are gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from shared.errors import TensorGone
from shared.interpretation import steps
from shared.interpretation.plan import Plan
from shared.interpretation.steps import ImageFeatures, PromptFeatures
from shared.stage_clients import StageClients

MAX_REMAKES = 2


@dataclass(frozen=True, slots=True)
class Features:
    """What the reasoner and the mask decoder read; `remakes` tells how often it was made again."""

    image: ImageFeatures
    prompts: PromptFeatures | None
    remakes: int = 0


async def encode(stages: StageClients, plan: Plan, remakes: int = 0) -> Features:
    """Runs both encoders at once; if one fails, the other is stopped."""
    image = asyncio.create_task(steps.encode_image(stages, plan))
    if not plan.regions:
        return Features(await image, None, remakes)
    prompts = asyncio.create_task(steps.encode_prompts(stages, plan))
    try:
        return Features(*await asyncio.gather(image, prompts), remakes)
    finally:
        await stop(image, prompts)


class RemadeFeatures:
    """The current features of one interpretation."""

    def __init__(self, stages: StageClients, plan: Plan, current: Features) -> None:
        """Starts with those just made."""
        self.current = current
        self._stages = stages
        self._plan = plan
        self._turn = asyncio.Lock()

    async def remake(self, gone: TensorGone, used: Features) -> Features:
        """Makes them again, unless somebody did since `used` was current.

        Raises:
            TensorGone: That has been tried often enough.
        """
        async with self._turn:
            if self.current is used:
                if used.remakes >= MAX_REMAKES:
                    raise gone
                self.current = await encode(self._stages, self._plan, used.remakes + 1)
            return self.current


async def stop(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancels the tasks and waits until they are through."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
