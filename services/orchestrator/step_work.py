"""What each step of a durable run does: from the results before it to its own, and what it tells.

Nothing is told before the step is sure: result and events become part of the run together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from shared.errors import Internal
from shared.interpretation import steps
from shared.interpretation.events import Ended, Event, ImageSeen, TextSaid
from shared.interpretation.plan import Step
from shared.messages.json_codec import from_json, to_json
from shared.run_records.records import Claim
from shared.stage_clients import StageClients


@dataclass(frozen=True, slots=True)
class Done:
    """What a step leaves: JSON for the steps after it, and events for the caller."""

    result: str
    events: tuple[Event, ...] = ()


StepWork = Callable[[StageClients, Claim], Awaitable[Done]]


async def encode_image(stages: StageClients, claim: Claim) -> Done:
    """Stage 1."""
    image = await steps.encode_image(stages, claim.plan)
    return Done(to_json(image), (ImageSeen(image.encoded.band_note, image.from_cache),))


async def encode_prompts(stages: StageClients, claim: Claim) -> Done:
    """Stage 2."""
    return Done(to_json(await steps.encode_prompts(stages, claim.plan)))


async def reason(stages: StageClients, claim: Claim) -> Done:
    """Stage 3: told as a whole, so that an attempt that dies half-way has told nothing."""
    told: list[Event] = []
    answering = steps.reason(stages, claim.plan, _image(claim), _prompts(claim))
    async with aclosing(answering):
        async for event in answering:
            if isinstance(event, steps.Answer):
                return Done(to_json(event), tuple(told))
            if isinstance(event, TextSaid) and told and isinstance(told[-1], TextSaid):
                told[-1] = TextSaid(told[-1].text + event.text)
            elif not isinstance(event, steps.SegFound):
                told.append(event)
    raise Internal("the answer had no end")


async def decode_masks(stages: StageClients, claim: Claim) -> Done:
    """Stage 4; without masks to draw it has nothing to do."""
    answer = _answer(claim)
    drawn = await steps.decode_masks(
        stages, claim.plan, _image(claim), _prompts(claim), answer.segs if answer else ()
    )
    return Done("{}", drawn)


WORK: Mapping[Step, StepWork] = {
    "encode_image": encode_image,
    "encode_prompts": encode_prompts,
    "reason": reason,
    "decode_masks": decode_masks,
}


def producers(claim: Claim) -> tuple[Step, ...]:
    """The steps that make the tensors this step reads.

    States of masks are small and travel in messages: they are made again only if new features did
    not help.
    """
    encoders: tuple[Step, ...] = ("encode_image",)
    if claim.plan.regions:
        encoders = (*encoders, "encode_prompts")
    if claim.step == "decode_masks" and "reason" in claim.results and claim.rewinds:
        return (*encoders, "reason")
    return encoders


def success(claim: Claim) -> Ended:
    """The end of a run all of whose steps are done."""
    answer = _answer(claim)
    image = _image(claim)
    return Ended(
        state="succeeded",
        answer=answer.text if answer else "",
        raw_answer=answer.raw_text if answer else "",
        prompt_tokens=answer.prompt_tokens if answer else 0,
        new_tokens=answer.new_tokens if answer else 0,
        truncated=answer.truncated if answer else False,
        image_from_cache=image.from_cache,
        duration_s=claim.age_s,
    )


def _image(claim: Claim) -> steps.ImageFeatures:
    return from_json(steps.ImageFeatures, claim.results["encode_image"])


def _prompts(claim: Claim) -> steps.PromptFeatures | None:
    result = claim.results.get("encode_prompts")
    return from_json(steps.PromptFeatures, result) if result else None


def _answer(claim: Claim) -> steps.Answer | None:
    result = claim.results.get("reason")
    return from_json(steps.Answer, result) if result else None
