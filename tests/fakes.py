"""Fake stages: real gRPC servers that answer at once, always the same, and fail on demand.

`python -m tests.fakes --port 0` runs all four on one port, for tests that kill a stage.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from earthgptx.imagery.masks import encode_rle
from protos.earthgptx.v1 import (
    geometry_pb2,
    image_encoder_pb2,
    image_encoder_pb2_grpc,
    mask_decoder_pb2,
    mask_decoder_pb2_grpc,
    prompt_encoder_pb2,
    prompt_encoder_pb2_grpc,
    reasoner_pb2,
    reasoner_pb2_grpc,
    tensor_pb2,
)
from shared.errors import SuiteError
from shared.rich_status import status_metadata
from tests.kept_features import KeptFeatures

ANSWER = "Two <p>ships</p>[0.10,0.20,0.30,0.40;0.5,0.5,0.6,0.6] lie at the <p>pier</p>[SEG]."
CLEAN_ANSWER = "Two ships lie at the pier."
# What the mask decoder finds wherever things are counted: in pixels, with a score.
INSTANCES = (((10, 4, 29, 22), 0.75), ((48, 32, 58, 42), 0.5))


def ref(tenant: str, name: str) -> tensor_pb2.TensorRef:
    """A ref that nobody checks."""
    return tensor_pb2.TensorRef(
        tenant=tenant,
        key=name,
        tier=tensor_pb2.TENSOR_TIER_INLINE,
        dtype=tensor_pb2.TENSOR_DTYPE_F32,
        shape=[4],
        size_bytes=16,
        signature=b"fake",
    )


@dataclass
class Stages:
    """What the fakes answer, what to fail with, and what they saw.

    Attributes:
        answer: What the reasoner says.
        token_chars: Length of a delta of it.
        token_pause_s: Pause before each delta.
        pause_s: Pause of every other stage.
        fail_next: Errors to raise, by method; the first is used up by the next call.
        calls: Calls begun, by method.
        finished: Calls ended well, by method.
        cancelled: Calls that were cancelled, by method.
        timeouts_s: Time each call was given, by method.
        metadata: Metadata of the last call, by method.
        requests: The last request, by method.
        gate: If set, the reasoner waits for it before it ends.
        kept: If set, features of images lie there and are read from there.
        refused: Calls that could not reach `kept` or found nothing in it, by code.
    """

    answer: str = ANSWER
    token_chars: int = 3
    token_pause_s: float = 0.0
    pause_s: float = 0.0
    from_cache: bool = False
    band_note: str = ""
    fail_next: dict[str, list[SuiteError]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    cancelled: Counter[str] = field(default_factory=Counter)
    timeouts_s: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: dict[str, Any] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    gate: asyncio.Event | None = None
    kept: KeptFeatures | None = None

    async def begin(self, method: str, request: Any, context: Any, image: Any = None) -> None:
        """Notes the call; fails if it shall, or if features of the image it reads are gone."""
        self.calls[method] += 1
        self.requests[method] = request
        self.timeouts_s[method] = context.time_remaining() or float("inf")
        self.metadata[method] = {k: v for k, v in context.invocation_metadata()}
        if self.fail_next.get(method):
            await refuse(context, self.fail_next[method].pop(0))
        if self.kept is not None and image is not None:
            try:
                await self.kept.read(image.grid)
            except SuiteError as error:
                self.refused[error.code] += 1
                await refuse(context, error)

    async def grid(self, tenant: str, context: Any) -> tensor_pb2.TensorRef:
        """Features of an image, made this moment."""
        if self.kept is None:
            return ref(tenant, "grid")
        try:
            return await self.kept.make(tenant)
        except SuiteError as error:
            self.refused[error.code] += 1
            await refuse(context, error)
            raise


async def refuse(context: Any, error: SuiteError) -> None:
    """Ends the call as the stages do."""
    await context.abort(error.grpc_status, error.message, trailing_metadata=status_metadata(error))


class FakeImageEncoder(image_encoder_pb2_grpc.ImageEncoderServicer):
    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    async def EncodeImage(self, request: Any, context: Any) -> Any:
        stages = self._stages
        await stages.begin("EncodeImage", request, context)
        await asyncio.sleep(stages.pause_s)
        tenant = request.image.tenant
        grid = await stages.grid(tenant, context)
        stages.finished["EncodeImage"] += 1
        # Its file is not looked at: larger images than the tests' pictures are cuts, and square.
        side_px = round(request.window.side_px)
        width_px, height_px = (side_px, side_px) if side_px > 96 else (96, 64)
        return image_encoder_pb2.EncodeImageResponse(
            encoded=image_encoder_pb2.EncodedImage(
                grid=grid,
                pyramid=[ref(tenant, "fine")],
                window=request.window,
                image_width_px=width_px,
                image_height_px=height_px,
                version="fake",
                band_note=stages.band_note,
            ),
            from_cache=stages.from_cache,
        )


class FakePromptEncoder(prompt_encoder_pb2_grpc.PromptEncoderServicer):
    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    async def EncodePrompts(self, request: Any, context: Any) -> Any:
        await self._stages.begin("EncodePrompts", request, context)
        await asyncio.sleep(self._stages.pause_s)
        self._stages.finished["EncodePrompts"] += 1
        return prompt_encoder_pb2.EncodePromptsResponse(
            encoded=prompt_encoder_pb2.EncodedPrompts(
                map_tokens=ref(request.tenant, "map"),
                region_tokens=ref(request.tenant, "regions"),
                region_weights=ref(request.tenant, "weights"),
                region_places=ref(request.tenant, "places"),
                region_count=len(request.regions),
            )
        )


class FakeReasoner(reasoner_pb2_grpc.ReasonerServicer):
    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        stages = self._stages
        await stages.begin("Generate", request, context, request.image)
        try:
            async for response in self._speak(request):
                yield response
        # The latter if the caller leaves while a delta is on its way.
        except (asyncio.CancelledError, GeneratorExit):
            stages.cancelled["Generate"] += 1
            raise
        stages.finished["Generate"] += 1

    async def _speak(self, request: Any) -> AsyncIterator[Any]:
        stages, said, masks = self._stages, "", 0
        while said != stages.answer:
            await asyncio.sleep(stages.token_pause_s)
            delta = stages.answer[len(said) :][: stages.token_chars]
            said += delta
            yield reasoner_pb2.GenerateResponse(text=reasoner_pb2.TextDelta(text=delta))
            while said.count("[SEG]") > masks:
                phrase = said.rpartition("</p>")[0].rpartition("<p>")[2]
                state = ref(request.image.grid.tenant, f"seg{masks}")
                seg = reasoner_pb2.SegState(
                    index=masks, state=state, phrase=phrase, counted=phrase[:1].isdecimal()
                )
                yield reasoner_pb2.GenerateResponse(seg=seg)
                masks += 1
        if stages.gate is not None:
            await stages.gate.wait()
        yield reasoner_pb2.GenerateResponse(
            finish=reasoner_pb2.Finish(
                reason=reasoner_pb2.FINISH_REASON_STOP, prompt_tokens=40, new_tokens=20
            )
        )


class FakeMaskDecoder(mask_decoder_pb2_grpc.MaskDecoderServicer):
    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    async def DecodeMasks(self, request: Any, context: Any) -> Any:
        await self._stages.begin("DecodeMasks", request, context, request.image)
        await asyncio.sleep(self._stages.pause_s)
        width, height = request.image.image_width_px, request.image.image_height_px
        mask_HW = np.zeros((height, width), bool)
        mask_HW[10:40, 20:50] = True
        rows, columns, counts = encode_rle(mask_HW)
        masks = [
            mask_decoder_pb2.DecodedMask(
                mask=geometry_pb2.RleMask(height_px=rows, width_px=columns, counts=counts),
                score=0.75,
                box=_box(20, 10, 50, 40),
                area_px=900,
                instances=_instances() if query.counted else [],
            )
            for query in request.queries
        ]
        self._stages.finished["DecodeMasks"] += 1
        return mask_decoder_pb2.DecodeMasksResponse(masks=masks)


def _instances() -> list[mask_decoder_pb2.Instance]:
    return [mask_decoder_pb2.Instance(box=_box(*box), score=score) for box, score in INSTANCES]


def _box(x0: int, y0: int, x1: int, y1: int) -> geometry_pb2.Box:
    return geometry_pb2.Box(x0_px=x0, y0_px=y0, x1_px=x1, y1_px=y1)


async def serve_fakes(stages: Stages, port: int = 0) -> tuple[grpc.aio.Server, int]:
    """All four on one port of this process; the caller stops the server."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    image_encoder_pb2_grpc.add_ImageEncoderServicer_to_server(FakeImageEncoder(stages), server)
    prompt_encoder_pb2_grpc.add_PromptEncoderServicer_to_server(FakePromptEncoder(stages), server)
    reasoner_pb2_grpc.add_ReasonerServicer_to_server(FakeReasoner(stages), server)
    mask_decoder_pb2_grpc.add_MaskDecoderServicer_to_server(FakeMaskDecoder(stages), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port


def addresses(port: int) -> dict[str, str]:
    """Settings that send every stage's calls to one port."""
    names = ("IMAGE_ENCODER", "PROMPT_ENCODER", "REASONER", "MASK_DECODER")
    return {f"EARTHGPTX_{name}_ADDR": f"127.0.0.1:{port}" for name in names}


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token-pause-s", type=float, default=0.0)
    parser.add_argument("--pause-s", type=float, default=0.0)
    parser.add_argument("--token-chars", type=int, default=3)
    asked = parser.parse_args()
    stages = Stages(
        token_pause_s=asked.token_pause_s, pause_s=asked.pause_s, token_chars=asked.token_chars
    )
    server, port = await serve_fakes(stages, asked.port)
    print(json.dumps({"event": "listening", "port": port}), flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_main())
