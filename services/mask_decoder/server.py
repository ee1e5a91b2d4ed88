"""gRPC face of the mask decoder: messages to records and back."""

from __future__ import annotations

import math
from dataclasses import asdict

import grpc

from protos.earthgptx.v1 import geometry_pb2, mask_decoder_pb2, mask_decoder_pb2_grpc
from services.mask_decoder.engine import Asked, DrawnMask, Engine, closer_window_of
from shared.errors import InvalidInput
from shared.feature_refs import ImageFeatureRefs, PromptFeatureRefs
from shared.interpretation.boxes import box_message
from shared.serving import Service, stage_service
from shared.settings import StageSettings
from shared.telemetry import Telemetry
from shared.tensors.ref import TensorRef

MAX_QUERIES = 64
# As many as a region may have marks.
MAX_CLICKS = 64


class MaskDecoderServicer(mask_decoder_pb2_grpc.MaskDecoderServicer):
    """`earthgptx.v1.MaskDecoder`."""

    def __init__(self, engine: Engine) -> None:
        """Serves `engine`."""
        self._engine = engine

    async def DecodeMasks(
        self,
        request: mask_decoder_pb2.DecodeMasksRequest,
        context: grpc.aio.ServicerContext[
            mask_decoder_pb2.DecodeMasksRequest, mask_decoder_pb2.DecodeMasksResponse
        ],
    ) -> mask_decoder_pb2.DecodeMasksResponse:
        """Decodes all queries of a request."""
        if not request.HasField("image"):
            raise InvalidInput("image is missing", field="image", limit="what EncodeImage returns")
        prompts = None
        if request.HasField("prompts"):
            prompts = PromptFeatureRefs.from_proto(request.prompts)
        image = ImageFeatureRefs.from_proto(request.image)
        masks = await self._engine.decode(image, prompts, queries_from_proto(request))
        closer = closer_window_of(masks, image)
        return mask_decoder_pb2.DecodeMasksResponse(
            masks=map(_to_proto, masks),
            version=self._engine.version,
            closer_window=None if closer is None else geometry_pb2.Window(**asdict(closer)),
        )


def queries_from_proto(request: mask_decoder_pb2.DecodeMasksRequest) -> tuple[Asked, ...]:
    """The masks that are wanted.

    Raises:
        InvalidInput: Too few or too many, or one is empty.
    """
    if not 1 <= len(request.queries) <= MAX_QUERIES:
        raise InvalidInput(
            f"{len(request.queries)} queries were given",
            field="queries",
            limit=f"1 to {MAX_QUERIES} queries",
        )
    return tuple(_query(query, f"queries[{i}]") for i, query in enumerate(request.queries))


def _query(query: mask_decoder_pb2.MaskQuery, field: str) -> Asked:
    match query.WhichOneof("query"):
        case "seg_state":
            state = TensorRef.from_proto(query.seg_state, f"{field}.seg_state")
            return Asked(state, query.counted)
        case "region_index":
            return Asked(query.region_index, query.counted, _clicks(query, f"{field}.clicks"))
    raise InvalidInput(f"{field} is empty", field=field, limit="a state or a region")


def _clicks(query: mask_decoder_pb2.MaskQuery, field: str) -> tuple[tuple[float, float], ...]:
    clicks = tuple((click.x_px, click.y_px) for click in query.clicks)
    if len(clicks) > MAX_CLICKS:
        raise InvalidInput(f"{field} has {len(clicks)}", field=field, limit=f"{MAX_CLICKS} clicks")
    if not all(math.isfinite(number) for click in clicks for number in click):
        raise InvalidInput(f"{field} holds what is no number", field=field, limit="finite numbers")
    return clicks


def _to_proto(mask: DrawnMask) -> mask_decoder_pb2.DecodedMask:
    return mask_decoder_pb2.DecodedMask(
        mask=geometry_pb2.RleMask(
            height_px=mask.height_px, width_px=mask.width_px, counts=mask.counts
        ),
        score=mask.score,
        box=None if mask.box_xyxy_px is None else box_message(mask.box_xyxy_px),
        area_px=mask.area_px,
        instances=[
            mask_decoder_pb2.Instance(box=box_message(box), score=score)
            for box, score in mask.instances
        ],
    )


def open_service(settings: StageSettings, telemetry: Telemetry) -> Service:
    """Loads the model and opens the stage."""
    engine = Engine.open(settings, telemetry)
    servicer = MaskDecoderServicer(engine)
    return stage_service(
        "earthgptx.v1.MaskDecoder",
        settings,
        lambda server: mask_decoder_pb2_grpc.add_MaskDecoderServicer_to_server(servicer, server),
        engine.probe,
        engine.close,
    )
