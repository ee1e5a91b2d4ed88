"""gRPC face of the reasoner: messages to records and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from protos.earthgptx.v1 import reasoner_pb2, reasoner_pb2_grpc
from services.reasoner.engine import Engine, Finished, Question, Seg, Text
from shared.errors import InvalidInput
from shared.feature_refs import ImageFeatureRefs, PromptFeatureRefs
from shared.serving import Service, stage_service
from shared.settings import ReasonerSettings
from shared.telemetry import Telemetry

MAX_QUESTION_BYTES = 4096
FINISH_REASONS = {
    "stop": reasoner_pb2.FINISH_REASON_STOP,
    "length": reasoner_pb2.FINISH_REASON_LENGTH,
}


class ReasonerServicer(reasoner_pb2_grpc.ReasonerServicer):
    """`earthgptx.v1.Reasoner`."""

    def __init__(self, engine: Engine) -> None:
        """Serves `engine`."""
        self._engine = engine

    async def Generate(
        self,
        request: reasoner_pb2.GenerateRequest,
        context: grpc.aio.ServicerContext[
            reasoner_pb2.GenerateRequest, reasoner_pb2.GenerateResponse
        ],
    ) -> AsyncIterator[reasoner_pb2.GenerateResponse]:
        """Streams the answer; ends with exactly one finish."""
        async with aclosing(self._engine.answer(question_from_proto(request))) as events:
            async for event in events:
                yield _to_proto(event)


def question_from_proto(request: reasoner_pb2.GenerateRequest) -> Question:
    """The record of a request.

    Raises:
        InvalidInput: A part is missing or beyond its limit.
    """
    if not request.HasField("image"):
        raise InvalidInput("image is missing", field="image", limit="what EncodeImage returns")
    size_bytes = len(request.question.encode())
    if not request.question.strip() or size_bytes > MAX_QUESTION_BYTES:
        raise InvalidInput(
            f"question has {size_bytes} bytes" if size_bytes else "question is empty",
            field="question",
            limit=f"1 to {MAX_QUESTION_BYTES} bytes",
        )
    if request.max_new_tokens < 0:
        raise InvalidInput(
            f"max_new_tokens is {request.max_new_tokens}", field="max_new_tokens", limit="0 or more"
        )
    prompts = None
    if request.HasField("prompts"):
        prompts = PromptFeatureRefs.from_proto(request.prompts)
    return Question(
        image=ImageFeatureRefs.from_proto(request.image),
        prompts=prompts,
        text=request.question,
        max_new_tokens=request.max_new_tokens,
        adapter=request.adapter,
    )


def _to_proto(event: Text | Seg | Finished) -> reasoner_pb2.GenerateResponse:
    match event:
        case Text():
            return reasoner_pb2.GenerateResponse(text=reasoner_pb2.TextDelta(text=event.text))
        case Seg():
            return reasoner_pb2.GenerateResponse(
                seg=reasoner_pb2.SegState(
                    index=event.index,
                    state=event.state.to_proto(),
                    phrase=event.phrase,
                    counted=event.counted,
                )
            )
        case Finished():
            return reasoner_pb2.GenerateResponse(
                finish=reasoner_pb2.Finish(
                    reason=FINISH_REASONS[event.reason],
                    prompt_tokens=event.prompt_tokens,
                    new_tokens=event.new_tokens,
                    version=event.version,
                )
            )


def open_service(settings: ReasonerSettings, telemetry: Telemetry) -> Service:
    """Loads the model and opens the stage."""
    engine = Engine.open(settings, telemetry)
    servicer = ReasonerServicer(engine)
    return stage_service(
        "earthgptx.v1.Reasoner",
        settings,
        lambda server: reasoner_pb2_grpc.add_ReasonerServicer_to_server(servicer, server),
        engine.probe,
        engine.close,
    )
