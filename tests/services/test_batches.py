"""Questions that share the stages' batches are answered as they are alone."""

from __future__ import annotations

import asyncio

import numpy as np

from earthgptx.imagery.masks import MaskHW, decode_rle
from protos.earthgptx.v1.image_encoder_pb2 import EncodeImageRequest
from protos.earthgptx.v1.mask_decoder_pb2 import DecodeMasksRequest, MaskQuery
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from shared.stage_clients import StageClients
from tests.services.conftest import Suite
from tests.services.marks import box, region
from tests.services.pictures import png
from tests.services.stage_processes import STAGES

WIDTH_PX, HEIGHT_PX = 96, 64
QUESTIONS = 8
# Sums in another order move a logit by a few units in the last place, and could move a rim by a
# pixel; of 38 masks tried none had one.
MAX_OTHER_PX = 1


async def interpret(
    suite: Suite, clients: StageClients, tenant: str, number: int
) -> tuple[str, MaskHW]:
    """Words and the mask of a region, through all four stages."""
    image = suite.put_image(png(WIDTH_PX, HEIGHT_PX, seed=500 + number), tenant)
    marks = EncodePromptsRequest(
        tenant=tenant,
        regions=[region(box(5 + number, 10, 40 + number, 40))],
        image_width_px=WIDTH_PX,
        image_height_px=HEIGHT_PX,
    )
    seen, drawn = await asyncio.gather(
        clients.image_encoder.EncodeImage(EncodeImageRequest(image=image.to_proto())),
        clients.prompt_encoder.EncodePrompts(marks),
    )
    words = ""
    asked = GenerateRequest(
        image=seen.encoded,
        prompts=drawn.encoded,
        question="Describe <Region 1>.",
        max_new_tokens=12,
    )
    async for response in clients.reasoner.Generate(asked):
        words += response.text.text
    query = DecodeMasksRequest(
        image=seen.encoded, prompts=drawn.encoded, queries=[MaskQuery(region_index=0)]
    )
    mask = (await clients.mask_decoder.DecodeMasks(query)).masks[0].mask
    return words, decode_rle(mask.height_px, mask.width_px, mask.counts)


def batches(suite: Suite) -> dict[str, tuple[float, float]]:
    """Of each stage, requests its model was asked, and calls it was asked them in."""
    metric = "earthgptx_stage_batch_size"
    return {
        name: (
            suite.stages[name].metric(f"{metric}_sum"),
            suite.stages[name].metric(f"{metric}_count"),
        )
        for name in STAGES
    }


async def test_many_at_once_are_answered_as_each_alone(suite: Suite, clients: StageClients) -> None:
    # Another tenant shares no cached features.
    alone = [await interpret(suite, clients, "alpha", number) for number in range(QUESTIONS)]
    before = batches(suite)
    together = await asyncio.gather(
        *(interpret(suite, clients, "beta", number) for number in range(QUESTIONS))
    )
    for name, (asked, calls) in batches(suite).items():
        assert asked - before[name][0] > calls - before[name][1], f"{name} filled no batch"
    assert [words for words, _ in together] == [words for words, _ in alone]
    for (_, first_HW), (_, second_HW) in zip(alone, together, strict=True):
        assert int(np.logical_xor(first_HW, second_HW).sum()) <= MAX_OTHER_PX
