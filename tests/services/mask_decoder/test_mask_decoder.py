import numpy as np
import pytest

from earthgptx.imagery.masks import decode_rle, mask_box_xyxy_px
from protos.earthgptx.v1.mask_decoder_pb2 import DecodedMask, DecodeMasksRequest, MaskQuery
from protos.earthgptx.v1.tensor_pb2 import TensorRef as TensorRefMessage
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from tests.services.conftest import Suite
from tests.services.encoded import HEIGHT_PX, WIDTH_PX, encode_image, encode_marks


def seg_state(suite: Suite, seed: int, tenant: str = "alpha") -> TensorRefMessage:
    values = np.random.default_rng(seed).normal(size=256).astype(np.float32)
    return suite.store.put(HostTensor.from_numpy(values), tenant=tenant, ttl_s=60).to_proto()


def check(mask: DecodedMask) -> None:
    pixels = decode_rle(mask.mask.height_px, mask.mask.width_px, mask.mask.counts)
    assert pixels.shape == (HEIGHT_PX, WIDTH_PX)
    assert pixels.sum() == mask.area_px
    assert 0 <= mask.score <= 1
    tight = mask_box_xyxy_px(pixels)
    assert mask.HasField("box") == (tight is not None)
    if tight is not None:
        assert (mask.box.x0_px, mask.box.y0_px, mask.box.x1_px, mask.box.y1_px) == tight


async def test_masks_come_back_in_the_order_of_the_queries(
    suite: Suite, clients: StageClients
) -> None:
    image, prompts = await encode_image(suite, clients), await encode_marks(clients)
    queries = [
        MaskQuery(region_index=1),
        MaskQuery(seg_state=seg_state(suite, 1)),
        MaskQuery(region_index=0),
        MaskQuery(seg_state=seg_state(suite, 2)),
    ]
    together = await clients.mask_decoder.DecodeMasks(
        DecodeMasksRequest(image=image, queries=queries, prompts=prompts)
    )
    assert len(together.masks) == 4
    assert together.version
    for query, mask in zip(queries, together.masks, strict=True):
        check(mask)
        alone = await clients.mask_decoder.DecodeMasks(
            DecodeMasksRequest(image=image, queries=[query], prompts=prompts)
        )
        assert alone.masks[0].score == pytest.approx(mask.score, abs=1e-4)
        assert abs(alone.masks[0].area_px - mask.area_px) <= 3


async def test_a_full_request_is_answered(suite: Suite, clients: StageClients) -> None:
    image, prompts = await encode_image(suite, clients), await encode_marks(clients)
    queries = [MaskQuery(region_index=i % 2) for i in range(64)]
    response = await clients.mask_decoder.DecodeMasks(
        DecodeMasksRequest(image=image, queries=queries, prompts=prompts)
    )
    assert len(response.masks) == 64
