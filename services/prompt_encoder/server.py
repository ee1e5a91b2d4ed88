"""gRPC face of the prompt encoder: messages to records and back."""

from __future__ import annotations

from collections.abc import Iterable

import grpc

from protos.earthgptx.v1 import geometry_pb2, prompt_encoder_pb2, prompt_encoder_pb2_grpc
from services.prompt_encoder.engine import (
    BoxMark,
    Engine,
    Mark,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
)
from shared.errors import InvalidInput
from shared.feature_refs import MAX_REGIONS, image_size, window_from_proto
from shared.security import check_tenant
from shared.serving import Service, stage_service
from shared.settings import StageSettings
from shared.telemetry import Telemetry


class PromptEncoderServicer(prompt_encoder_pb2_grpc.PromptEncoderServicer):
    """`earthgptx.v1.PromptEncoder`."""

    def __init__(self, engine: Engine) -> None:
        """Serves `engine`."""
        self._engine = engine

    async def EncodePrompts(
        self,
        request: prompt_encoder_pb2.EncodePromptsRequest,
        context: grpc.aio.ServicerContext[
            prompt_encoder_pb2.EncodePromptsRequest, prompt_encoder_pb2.EncodePromptsResponse
        ],
    ) -> prompt_encoder_pb2.EncodePromptsResponse:
        """Encodes all marks of a request."""
        if not 1 <= len(request.regions) <= MAX_REGIONS:
            raise InvalidInput(
                f"{len(request.regions)} regions were given",
                field="regions",
                limit=f"1 to {MAX_REGIONS} regions",
            )
        width_px, height_px = image_size(request)
        encoded = await self._engine.encode(
            check_tenant(request.tenant),
            regions_from_proto(request.regions),
            window_from_proto(request),
            width_px,
            height_px,
        )
        return prompt_encoder_pb2.EncodePromptsResponse(encoded=encoded.to_proto())


def regions_from_proto(regions: Iterable[geometry_pb2.Region]) -> tuple[Region, ...]:
    """The records of marks drawn by a user; whether they are valid is for the engine to say.

    Raises:
        InvalidInput: A mark has no shape.
    """
    return tuple(
        Region(
            tuple(_mark(mark, f"regions[{i}].marks[{j}]") for j, mark in enumerate(region.marks))
        )
        for i, region in enumerate(regions)
    )


def _mark(mark: geometry_pb2.Mark, field: str) -> Mark:
    match mark.WhichOneof("shape"):
        case "point":
            return PointMark(mark.point.x_px, mark.point.y_px)
        case "box":
            box = mark.box
            return BoxMark(box.x0_px, box.y0_px, box.x1_px, box.y1_px)
        case "polygon":
            return PolygonMark(_vertices(mark.polygon.vertices))
        case "scribble":
            return ScribbleMark(_vertices(mark.scribble.vertices), mark.scribble.width_px)
        case "mask":
            return MaskMark(mark.mask.height_px, mark.mask.width_px, mark.mask.counts)
    raise InvalidInput(
        f"{field} has no shape", field=field, limit="a point, box, polygon, scribble or mask"
    )


def _vertices(points: Iterable[geometry_pb2.Point]) -> tuple[tuple[float, float], ...]:
    return tuple((point.x_px, point.y_px) for point in points)


def open_service(settings: StageSettings, telemetry: Telemetry) -> Service:
    """Loads the model and opens the stage."""
    engine = Engine.open(settings, telemetry)
    servicer = PromptEncoderServicer(engine)
    return stage_service(
        "earthgptx.v1.PromptEncoder",
        settings,
        lambda server: prompt_encoder_pb2_grpc.add_PromptEncoderServicer_to_server(
            servicer, server
        ),
        engine.probe,
        engine.close,
    )
