"""The four steps of an interpretation: plan and results in, results out, by one stage call each.

Steps know neither who runs them nor whether they ran before: the same inputs make the same results,
so repeating one is safe. They raise `SuiteError`s; `TensorGone` means that a step before must run
again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

from protos.earthgptx.v1.geometry_pb2 import Box, Modality, Point, Region
from protos.earthgptx.v1.image_encoder_pb2 import EncodedImage, EncodeImageRequest
from protos.earthgptx.v1.mask_decoder_pb2 import (
    DecodedMask,
    DecodeMasksRequest,
    DecodeMasksResponse,
    MaskQuery,
)
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodedPrompts, EncodePromptsRequest
from protos.earthgptx.v1.reasoner_pb2 import FINISH_REASON_LENGTH, Finish, GenerateRequest
from protos.earthgptx.v1.tensor_pb2 import TensorRef
from shared.errors import NotFound, StageUnavailable, TensorGone
from shared.interpretation.boxes import BoxPx, boxes_in_image
from shared.interpretation.events import BoxesFound, MaskDrawn, TextSaid
from shared.interpretation.markup import MarkupReader, PhraseBoxes, Piece, Words
from shared.interpretation.plan import SEGMENT_REGIONS, Plan
from shared.stage_clients import StageClients

# As many as one call of the mask decoder takes.
MAX_QUERIES = 64


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """Result of `encode_image`."""

    encoded: EncodedImage
    from_cache: bool


@dataclass(frozen=True, slots=True)
class PromptFeatures:
    """Result of `encode_prompts`."""

    encoded: EncodedPrompts


@dataclass(frozen=True, slots=True)
class SegFound:
    """The answer asked for its mask number `index`, for `phrase`; `state` is what draws it.

    `counted` says that each of several things is wanted by itself, too.
    """

    index: int
    phrase: str
    state: TensorRef
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of `reason`.

    Attributes:
        text: The whole answer without markup.
        raw_text: As the model wrote it.
        truncated: Whether it was cut by the token limit.
        prompt_tokens: Tokens read.
        new_tokens: Tokens made.
        segs: Masks the answer asks for, in order.
    """

    text: str
    raw_text: str
    truncated: bool
    prompt_tokens: int
    new_tokens: int
    segs: tuple[SegFound, ...]


ReasonEvent = TextSaid | BoxesFound | SegFound | Answer
Drawn = BoxesFound | MaskDrawn


async def encode_image(stages: StageClients, plan: Plan) -> ImageFeatures:
    """Stage 1: features of the plan's window, from the cache where they are.

    Raises:
        NotFound: The image is no longer stored; no step can make it again.
    """
    request = EncodeImageRequest(
        image=plan.image, modality=Modality.Name(plan.modality), window=plan.window
    )
    try:
        response = await stages.image_encoder.EncodeImage(request)
    except TensorGone:
        raise NotFound("the image is gone; upload it again", field="image_id") from None
    return ImageFeatures(response.encoded, response.from_cache)


async def encode_prompts(stages: StageClients, plan: Plan) -> PromptFeatures:
    """Stage 2: tokens of the plan's regions, of which there must be at least one."""
    request = EncodePromptsRequest(
        tenant=plan.tenant,
        regions=plan.regions,
        window=plan.window,
        image_width_px=plan.image_width_px,
        image_height_px=plan.image_height_px,
    )
    response = await stages.prompt_encoder.EncodePrompts(request)
    return PromptFeatures(response.encoded)


async def reason(
    stages: StageClients, plan: Plan, image: ImageFeatures, prompts: PromptFeatures | None
) -> AsyncGenerator[ReasonEvent, None]:
    """Stage 3: the answer as it is made, last the `Answer`. Closing it early stops the stage."""
    request = GenerateRequest(
        image=image.encoded,
        prompts=prompts.encoded if prompts else None,
        question=plan.question,
        max_new_tokens=plan.max_new_tokens,
        adapter=plan.adapter,
    )
    reader, raw, said, segs = MarkupReader(), list[str](), list[str](), list[SegFound]()
    finish: Finish | None = None
    call = stages.reasoner.Generate(request)
    try:
        async for response in call:
            kind = response.WhichOneof("event")
            if kind == "text":
                raw.append(response.text.text)
                for event in _told(reader.feed(response.text.text), plan):
                    said += [event.text] if isinstance(event, TextSaid) else []
                    yield event
            elif kind == "seg":
                seg = response.seg
                segs.append(SegFound(seg.index, seg.phrase, seg.state, seg.counted))
                yield segs[-1]
            elif kind == "finish":
                finish = response.finish
    finally:
        call.cancel()
    for event in _told(reader.finish(), plan):
        said += [event.text] if isinstance(event, TextSaid) else []
        yield event
    if finish is None:
        raise StageUnavailable("the reasoner stopped in the middle of the answer")
    yield Answer(
        text="".join(said),
        raw_text="".join(raw),
        truncated=finish.reason == FINISH_REASON_LENGTH,
        prompt_tokens=finish.prompt_tokens,
        new_tokens=finish.new_tokens,
        segs=tuple(segs),
    )


async def decode_masks(
    stages: StageClients,
    plan: Plan,
    image: ImageFeatures,
    prompts: PromptFeatures | None,
    segs: Sequence[SegFound],
) -> tuple[Drawn, ...]:
    """Stage 4: the masks of `segs`, or, if the task is to segment regions, one for each region.

    Boxes of a mask's instances come right before it.
    """
    if plan.task == SEGMENT_REGIONS:
        return await _decode_regions(stages, plan, image, prompts)
    queries = [MaskQuery(seg_state=seg.state, counted=seg.counted) for seg in segs]
    drawn: list[Drawn] = []
    for start in range(0, len(queries), MAX_QUERIES):
        part = slice(start, start + MAX_QUERIES)
        response = await _decode(
            stages, DecodeMasksRequest(image=image.encoded, queries=queries[part])
        )
        for seg, mask in zip(segs[part], response.masks, strict=True):
            drawn += [*_instances(seg.phrase, mask), _drawn(seg.index, seg.phrase, mask)]
    return tuple(drawn)


async def _decode_regions(
    stages: StageClients, plan: Plan, image: ImageFeatures, prompts: PromptFeatures | None
) -> tuple[Drawn, ...]:
    """A mask for each region, from nearer where the plan wants that and the stage says so."""
    queries = [
        MaskQuery(region_index=i, clicks=_clicks(region) if plan.closer_looks else ())
        for i, region in enumerate(plan.regions)
    ]
    response = await _decode(
        stages,
        DecodeMasksRequest(
            image=image.encoded, queries=queries, prompts=prompts.encoded if prompts else None
        ),
    )
    if response.HasField("closer_window"):
        closer = replace(plan, window=response.closer_window, closer_looks=plan.closer_looks - 1)
        seen, marked = await encode_image(stages, closer), await encode_prompts(stages, closer)
        return await _decode_regions(stages, closer, seen, marked)
    return tuple(_drawn(i, "", mask) for i, mask in enumerate(response.masks))


def _clicks(region: Region) -> list[Point]:
    """The points of a region that nothing else marks."""
    points = [mark.point for mark in region.marks if mark.HasField("point")]
    return points if len(points) == len(region.marks) else []


async def _decode(stages: StageClients, request: DecodeMasksRequest) -> DecodeMasksResponse:
    response: DecodeMasksResponse = await stages.mask_decoder.DecodeMasks(request)
    if len(response.masks) != len(request.queries):
        raise StageUnavailable("the mask decoder did not answer every query")
    return response


def _told(pieces: list[Piece], plan: Plan) -> list[TextSaid | BoxesFound]:
    told: list[TextSaid | BoxesFound] = []
    size_px = (plan.image_width_px, plan.image_height_px)
    for piece in pieces:
        if isinstance(piece, Words):
            told.append(TextSaid(piece.text))
        elif isinstance(piece, PhraseBoxes):
            boxes = boxes_in_image(piece.boxes_xyxy, plan.window, *size_px)
            told += [BoxesFound(piece.phrase, boxes)] if boxes else []
        # A [SEG] in the text needs no event: its state comes beside it.
    return told


def _instances(phrase: str, mask: DecodedMask) -> list[BoxesFound]:
    if not mask.instances:
        return []
    boxes = tuple(_box(each.box) for each in mask.instances)
    return [BoxesFound(phrase, boxes, tuple(each.score for each in mask.instances))]


def _box(box: Box) -> BoxPx:
    return (box.x0_px, box.y0_px, box.x1_px, box.y1_px)


def _drawn(index: int, phrase: str, mask: DecodedMask) -> MaskDrawn:
    return MaskDrawn(
        phrase=phrase,
        index=index,
        height_px=mask.mask.height_px,
        width_px=mask.mask.width_px,
        counts=mask.mask.counts,
        score=mask.score,
        area_px=mask.area_px,
        box_xyxy_px=_box(mask.box) if mask.HasField("box") else None,
    )
