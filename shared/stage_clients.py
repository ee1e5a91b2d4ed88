"""Channels to the four stages, held by who calls them: the gateway and the orchestrator."""

from __future__ import annotations

import asyncio

from opentelemetry.trace import Tracer

from protos.earthgptx.v1.image_encoder_pb2_grpc import ImageEncoderStub
from protos.earthgptx.v1.mask_decoder_pb2_grpc import MaskDecoderStub
from protos.earthgptx.v1.prompt_encoder_pb2_grpc import PromptEncoderStub
from protos.earthgptx.v1.reasoner_pb2_grpc import ReasonerStub
from shared.client_interceptor import open_channel
from shared.settings import CallerSettings


class StageClients:
    """One stub a stage. Calls carry deadline, trace and credentials; errors are `SuiteError`s."""

    def __init__(self, settings: CallerSettings, tracer: Tracer) -> None:
        """Opens the channels, inside the event loop that will use them; nothing connects yet."""
        addresses = (
            settings.image_encoder_addr,
            settings.prompt_encoder_addr,
            settings.reasoner_addr,
            settings.mask_decoder_addr,
        )
        self._channels = [open_channel(addr, settings.suite_key, tracer) for addr in addresses]
        self.image_encoder = ImageEncoderStub(self._channels[0])
        self.prompt_encoder = PromptEncoderStub(self._channels[1])
        self.reasoner = ReasonerStub(self._channels[2])
        self.mask_decoder = MaskDecoderStub(self._channels[3])

    async def close(self) -> None:
        """Ends the channels and every call still on them."""
        await asyncio.gather(*(channel.close() for channel in self._channels))
