import numpy as np
import pytest

from earthgptx.imagery.masks import decode_rle, mask_box_xyxy_px
from protos.earthgptx.v1.image_encoder_pb2 import EncodedImage, EncodeImageRequest
from protos.earthgptx.v1.mask_decoder_pb2 import DecodedMask, DecodeMasksRequest, MaskQuery
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodedPrompts, EncodePromptsRequest
from protos.earthgptx.v1.tensor_pb2 import TensorRef as TensorRefMessage
from shared.errors import InvalidInput, TensorRefused
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from tests.services.conftest import Suite
from tests.services.marks import box, point, region
from tests.services.pictures import png

WIDTH_PX, HEIGHT_PX = 96, 64


async def encode(suite: Suite, clients: StageClients) -> EncodedImage:
    image = suite.put_image(png(WIDTH_PX, HEIGHT_PX, seed=30))
    request = EncodeImageRequest(image=image.to_proto())
    return (await clients.image_encoder.EncodeImage(request)).encoded


async def two_regions(clients: StageClients, tenant: str = "alpha") -> EncodedPrompts:
    request = EncodePromptsRequest(
        tenant=tenant,
        regions=[region(box(20, 10, 50, 40)), region(point(80, 50))],
        image_width_px=WIDTH_PX,
        image_height_px=HEIGHT_PX,
    )
    return (await clients.prompt_encoder.EncodePrompts(request)).encoded


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
    image, prompts = await encode(suite, clients), await two_regions(clients)
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
    image, prompts = await encode(suite, clients), await two_regions(clients)
    queries = [MaskQuery(region_index=i % 2) for i in range(64)]
    response = await clients.mask_decoder.DecodeMasks(
        DecodeMasksRequest(image=image, queries=queries, prompts=prompts)
    )
    assert len(response.masks) == 64


async def test_a_query_that_cannot_be_used_is_named(suite: Suite, clients: StageClients) -> None:
    image, prompts = await encode(suite, clients), await two_regions(clients)
    wrong_state = suite.store.put(
        HostTensor.from_numpy(np.zeros(7, np.float32)), tenant="alpha", ttl_s=60
    )
    cases = [
        (DecodeMasksRequest(image=image), "queries"),
        (DecodeMasksRequest(image=image, queries=[MaskQuery(region_index=0)] * 65), "queries"),
        (DecodeMasksRequest(image=image, queries=[MaskQuery()]), "queries[0]"),
        (
            DecodeMasksRequest(image=image, queries=[MaskQuery(region_index=0)]),
            "queries[0].region_index",
        ),
        (
            DecodeMasksRequest(image=image, queries=[MaskQuery(region_index=2)], prompts=prompts),
            "queries[0].region_index",
        ),
        (
            DecodeMasksRequest(image=image, queries=[MaskQuery(region_index=-1)], prompts=prompts),
            "queries[0].region_index",
        ),
        (
            DecodeMasksRequest(image=image, queries=[MaskQuery(seg_state=wrong_state.to_proto())]),
            "queries[0].seg_state",
        ),
        (DecodeMasksRequest(queries=[MaskQuery(region_index=0)]), "image"),
    ]
    for request, field in cases:
        with pytest.raises(InvalidInput) as caught:
            await clients.mask_decoder.DecodeMasks(request)
        assert caught.value.field == field


async def test_a_state_or_marks_of_another_tenant_are_refused(
    suite: Suite, clients: StageClients
) -> None:
    image = await encode(suite, clients)
    foreign = MaskQuery(seg_state=seg_state(suite, 3, "beta"))
    with pytest.raises(TensorRefused):
        await clients.mask_decoder.DecodeMasks(DecodeMasksRequest(image=image, queries=[foreign]))
    prompts = await two_regions(clients, "beta")
    with pytest.raises(TensorRefused):
        await clients.mask_decoder.DecodeMasks(
            DecodeMasksRequest(image=image, queries=[MaskQuery(region_index=0)], prompts=prompts)
        )
