"""gRPC face of the image encoder: messages to records and back."""

from __future__ import annotations

import grpc

from protos.earthgptx.v1 import image_encoder_pb2, image_encoder_pb2_grpc
from services.image_encoder.engine import Engine
from shared.errors import InvalidInput
from shared.feature_refs import modality_name, window_from_proto
from shared.serving import Service, stage_service
from shared.settings import StageSettings
from shared.telemetry import Telemetry
from shared.tensors.ref import TensorRef


class ImageEncoderServicer(image_encoder_pb2_grpc.ImageEncoderServicer):
    """`earthgptx.v1.ImageEncoder`."""

    def __init__(self, engine: Engine) -> None:
        """Serves `engine`."""
        self._engine = engine

    async def EncodeImage(
        self,
        request: image_encoder_pb2.EncodeImageRequest,
        context: grpc.aio.ServicerContext[
            image_encoder_pb2.EncodeImageRequest, image_encoder_pb2.EncodeImageResponse
        ],
    ) -> image_encoder_pb2.EncodeImageResponse:
        """Encodes one window of one image."""
        if not request.HasField("image"):
            raise InvalidInput("image is missing", field="image", limit="the ref of an image file")
        encoded, from_cache = await self._engine.encode(
            TensorRef.from_proto(request.image),
            modality_name(request.modality),
            window_from_proto(request),
        )
        return image_encoder_pb2.EncodeImageResponse(
            encoded=encoded.to_proto(), from_cache=from_cache
        )


def open_service(settings: StageSettings, telemetry: Telemetry) -> Service:
    """Loads the model and opens the stage."""
    engine = Engine.open(settings, telemetry)
    servicer = ImageEncoderServicer(engine)
    return stage_service(
        "earthgptx.v1.ImageEncoder",
        settings,
        lambda server: image_encoder_pb2_grpc.add_ImageEncoderServicer_to_server(servicer, server),
        engine.probe,
        engine.close,
    )
