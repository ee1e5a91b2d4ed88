"""Features as the encoders hand them on, and tensors that are not as they should be."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np

from protos.earthgptx.v1 import tensor_pb2
from protos.earthgptx.v1.image_encoder_pb2 import EncodedImage, EncodeImageRequest
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodedPrompts, EncodePromptsRequest
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import TensorRef
from tests.services.conftest import Suite
from tests.services.marks import box, point, region
from tests.services.pictures import png

WIDTH_PX, HEIGHT_PX = 96, 64


async def encode_image(suite: Suite, clients: StageClients, tenant: str = "alpha") -> EncodedImage:
    image = suite.put_image(png(WIDTH_PX, HEIGHT_PX, seed=20), tenant)
    request = EncodeImageRequest(image=image.to_proto(), modality="MODALITY_OPTICAL")
    return (await clients.image_encoder.EncodeImage(request)).encoded


async def encode_marks(clients: StageClients, tenant: str = "alpha") -> EncodedPrompts:
    """Two regions: a box and a point."""
    request = EncodePromptsRequest(
        tenant=tenant,
        regions=[region(box(20, 10, 50, 40)), region(point(80, 50))],
        image_width_px=WIDTH_PX,
        image_height_px=HEIGHT_PX,
    )
    return (await clients.prompt_encoder.EncodePrompts(request)).encoded


def not_finite(suite: Suite, message: tensor_pb2.TensorRef, value: float) -> tensor_pb2.TensorRef:
    """A tensor like this one but for one element."""
    ref = TensorRef.from_proto(message)
    values = suite.store.get(ref, tenant=ref.tenant).to_numpy().copy()
    values.reshape(-1)[-1] = value
    tensor = HostTensor.from_numpy(values)
    return suite.store.put(tensor, tenant=ref.tenant, ttl_s=60).to_proto()


async def expired(suite: Suite, message: tensor_pb2.TensorRef) -> tensor_pb2.TensorRef:
    """A tensor like this one whose time is over."""
    ref = TensorRef.from_proto(message)
    values = suite.store.get(ref, tenant=ref.tenant).to_numpy() + np.float32(1)
    short = suite.store.put(HostTensor.from_numpy(values), tenant=ref.tenant, ttl_s=0.05)
    await asyncio.sleep(0.2)
    return short.to_proto()


def forged(message: tensor_pb2.TensorRef) -> tensor_pb2.TensorRef:
    """A guess at a key, under the signature of another."""
    return dataclasses.replace(TensorRef.from_proto(message), key="guess").to_proto()
