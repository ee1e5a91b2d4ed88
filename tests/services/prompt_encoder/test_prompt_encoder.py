from typing import Any

import numpy as np

from protos.earthgptx.v1 import geometry_pb2
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from shared.stage_clients import StageClients
from shared.tensors.ref import TensorRef
from tests.services.conftest import Suite
from tests.services.marks import box, point, polygon, region, scribble


def request_of(*regions: geometry_pb2.Region, **changes: Any) -> EncodePromptsRequest:
    fields = {"tenant": "alpha", "image_width_px": 96, "image_height_px": 64, **changes}
    return EncodePromptsRequest(regions=regions, **fields)


async def test_every_region_gets_a_token_and_weights(suite: Suite, clients: StageClients) -> None:
    regions = (
        region(point(30, 30)),
        region(box(10, 10, 50, 40), scribble((5, 5), (60, 20))),
        region(polygon((1, 1), (40, 1), (40, 30))),
    )
    encoded = (await clients.prompt_encoder.EncodePrompts(request_of(*regions))).encoded
    assert encoded.region_count == 3
    tokens, weights = (
        suite.store.get(TensorRef.from_proto(message), tenant="alpha").to_numpy()
        for message in (encoded.region_tokens, encoded.region_weights)
    )
    assert tokens.shape[0] == weights.shape[0] == 3
    assert np.isfinite(tokens).all()
    assert weights.reshape(3, -1).max(axis=1).tolist() == [1.0, 1.0, 1.0]
    assert encoded.map_tokens.tenant == "alpha"


async def test_the_same_marks_give_the_same_tensors(clients: StageClients) -> None:
    request = request_of(region(point(30, 30)))
    first = (await clients.prompt_encoder.EncodePrompts(request)).encoded
    second = (await clients.prompt_encoder.EncodePrompts(request)).encoded
    assert first.region_tokens.digest == second.region_tokens.digest
    assert first.map_tokens.digest == second.map_tokens.digest


async def test_a_window_changes_what_the_model_sees(clients: StageClients) -> None:
    marks = region(box(10, 10, 30, 30))
    whole = (await clients.prompt_encoder.EncodePrompts(request_of(marks))).encoded
    window = geometry_pb2.Window(x0_px=0, y0_px=0, side_px=48)
    close = (await clients.prompt_encoder.EncodePrompts(request_of(marks, window=window))).encoded
    assert whole.region_weights.digest != close.region_weights.digest


async def test_a_region_lies_where_it_lies_in_the_image_whatever_the_window(
    suite: Suite, clients: StageClients
) -> None:
    marks = region(box(24, 16, 48, 32))
    for window in (None, geometry_pb2.Window(x0_px=20, y0_px=10, side_px=32)):
        request = request_of(marks, window=window)
        encoded = (await clients.prompt_encoder.EncodePrompts(request)).encoded
        ref = TensorRef.from_proto(encoded.region_places)
        places = suite.store.get(ref, tenant="alpha").to_numpy()
        assert places.tolist() == [[0.25, 0.25, 0.5, 0.5]]
