"""A request to a plan: refuses what cannot be answered, naming the field and its limit."""

from __future__ import annotations

import uuid
from typing import Literal

from earthgptx.imagery.closer_look import MOST_CLOSER_LOOKS
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.marks import MAX_REGIONS, Region, region_extent_xyxy_px, validate_regions
from earthgptx.imagery.modality import check_modality
from earthgptx.imagery.question_window import question_window
from earthgptx.imagery.windows import Window, choose_window, whole_image
from earthgptx.words import regions_named
from protos.earthgptx.v1 import geometry_pb2, interpreter_pb2
from protos.earthgptx.v1.interpreter_pb2 import InterpretRequest
from services.gateway.marks import regions_from_proto
from shared.errors import InvalidInput, refused_as_invalid_input
from shared.image_records import KeptImage
from shared.interpretation.plan import ANSWER, SEGMENT_REGIONS, Plan

MAX_QUESTION_BYTES = 4096
MAX_IDEMPOTENCY_KEY_BYTES = 256
_MODALITIES: dict[int, Literal["optical", "sar", "infrared"] | None] = {
    geometry_pb2.MODALITY_UNSPECIFIED: None,
    geometry_pb2.MODALITY_OPTICAL: "optical",
    geometry_pb2.MODALITY_SAR: "sar",
    geometry_pb2.MODALITY_INFRARED: "infrared",
}


MAX_ADAPTER_CHARACTERS = 63


def check_request(request: InterpretRequest, max_new_tokens_limit: int) -> None:
    """Everything that can be said without the image.

    Raises:
        InvalidInput: Names the field and what is allowed.
    """
    _check_enum(request.modality, geometry_pb2.Modality, "modality")
    _check_enum(request.task, interpreter_pb2.Task, "task")
    _check_enum(request.zoom, interpreter_pb2.Zoom, "zoom")
    if len(request.regions) > MAX_REGIONS:
        raise InvalidInput(
            f"{len(request.regions)} regions were given",
            field="regions",
            limit=f"{MAX_REGIONS} regions",
        )
    _check_question(request)
    if not 0 <= request.max_new_tokens <= max_new_tokens_limit:
        raise InvalidInput(
            f"max_new_tokens is {request.max_new_tokens}",
            field="max_new_tokens",
            limit=f"0 to {max_new_tokens_limit}",
        )
    _check_key(request)
    if len(request.adapter) > MAX_ADAPTER_CHARACTERS:
        raise InvalidInput(
            f"adapter has {len(request.adapter)} characters",
            field="adapter",
            limit=f"{MAX_ADAPTER_CHARACTERS} characters",
        )


def check_seen_whole(image: KeptImage) -> None:
    """Refuses a scene that is read by window: a single question looks at all of an image.

    Raises:
        InvalidInput: It came by parts.
    """
    if image.record.by_window:
        raise InvalidInput(
            "the image is a large scene; ask about it with a workflow",
            field="image_id",
            limit="images of UploadImage",
        )


def make_plan(request: InterpretRequest, image: KeptImage, tenant: str) -> Plan:
    """The plan of a request that `check_request` let pass.

    Raises:
        InvalidInput: Marks that do not fit the image, or a modality it cannot be.
    """
    record = image.record
    size_px = (record.width_px, record.height_px)
    regions = regions_from_proto(request.regions)
    with refused_as_invalid_input(ImageryError):
        check_modality(ImageHeader(**record.header_fields()), _MODALITIES[request.modality])
        validate_regions(regions, *size_px)
    segments, zoom = request.task == interpreter_pb2.TASK_SEGMENT_REGIONS, request.zoom
    question = "" if segments else request.question
    looks_again = segments and zoom != interpreter_pb2.ZOOM_WHOLE_IMAGE
    window = _window(zoom, question, regions, *size_px)
    return Plan(
        run_id=uuid.uuid4().hex,
        tenant=tenant,
        task=SEGMENT_REGIONS if segments else ANSWER,
        image=image.ref.to_proto(),
        image_width_px=record.width_px,
        image_height_px=record.height_px,
        window=geometry_pb2.Window(x0_px=window.x0_px, y0_px=window.y0_px, side_px=window.side_px),
        closer_looks=MOST_CLOSER_LOOKS if looks_again else 0,
        modality=request.modality,
        question=question,
        regions=tuple(request.regions),
        max_new_tokens=request.max_new_tokens,
        adapter=request.adapter,
    )


def _window(
    zoom: int, question: str, regions: tuple[Region, ...], width_px: int, height_px: int
) -> Window:
    extents = [region_extent_xyxy_px(region) for region in regions]
    match zoom:
        case interpreter_pb2.ZOOM_WHOLE_IMAGE:
            return whole_image(width_px, height_px)
        case interpreter_pb2.ZOOM_CLOSE:
            return choose_window(extents, width_px, height_px)
        case _:
            return question_window(question, extents, width_px, height_px)


def _check_enum(value: int, enum: type, field: str) -> None:
    values: list[int] = enum.values()  # type: ignore[attr-defined]
    if value not in values:
        raise InvalidInput(
            f"{field} is {value}", field=field, limit=f"{min(values)} to {max(values)}"
        )


def _check_question(request: InterpretRequest) -> None:
    size_bytes = len(request.question.encode())
    if size_bytes > MAX_QUESTION_BYTES:
        raise InvalidInput(
            f"question has {size_bytes} bytes",
            field="question",
            limit=f"{MAX_QUESTION_BYTES} bytes",
        )
    if request.task == interpreter_pb2.TASK_SEGMENT_REGIONS:
        if not request.regions:
            raise InvalidInput("there are no regions", field="regions", limit="at least 1 region")
        return
    if not request.question.strip():
        raise InvalidInput(
            "question is empty", field="question", limit=f"1 to {MAX_QUESTION_BYTES} bytes"
        )
    for number, _ in regions_named(request.question):
        if not 1 <= number <= len(request.regions):
            raise InvalidInput(
                f"question names <Region {number}>, which is not there",
                field="question",
                limit=f"regions 1 to {len(request.regions)}",
            )


def _check_key(request: InterpretRequest) -> None:
    if request.idempotency_key and not request.durable:
        raise InvalidInput(
            "idempotency_key is for durable requests",
            field="idempotency_key",
            limit="empty, or durable requests",
        )
    check_idempotency_key(request.idempotency_key)


def check_idempotency_key(key: str) -> None:
    """Refuses a key that is too long; an empty one is none.

    Raises:
        InvalidInput: It is too long.
    """
    if len(key.encode()) > MAX_IDEMPOTENCY_KEY_BYTES:
        raise InvalidInput(
            "idempotency_key is too long",
            field="idempotency_key",
            limit=f"{MAX_IDEMPOTENCY_KEY_BYTES} bytes",
        )
