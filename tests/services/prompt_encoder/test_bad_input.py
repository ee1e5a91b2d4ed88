"""What the prompt encoder refuses, how it says so, and that it goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from earthgptx.imagery.masks import encode_rle
from protos.earthgptx.v1 import geometry_pb2
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from shared.errors import InvalidInput
from shared.stage_clients import StageClients
from tests.services.conftest import Suite
from tests.services.marks import box, point, polygon, region, scribble
from tests.services.refusals import check_idle, refused

MARK = "regions[0].marks[0]"
FINE = region(point(1, 1))


def request_of(*regions: geometry_pb2.Region, **changes: Any) -> EncodePromptsRequest:
    fields = {"tenant": "alpha", "image_width_px": 96, "image_height_px": 64, **changes}
    return EncodePromptsRequest(regions=regions, **fields)


def rle(counts: str, width_px: int = 96, height_px: int = 64) -> geometry_pb2.Mark:
    code = geometry_pb2.RleMask(height_px=height_px, width_px=width_px, counts=counts)
    return geometry_pb2.Mark(mask=code)


def window(x0_px: float, y0_px: float, side_px: float) -> geometry_pb2.Window:
    return geometry_pb2.Window(x0_px=x0_px, y0_px=y0_px, side_px=side_px)


NAN, INF = float("nan"), float("inf")
STROKE = [(float(i % 90), 5.0) for i in range(10_000)]
BAD_REQUESTS: dict[str, tuple[EncodePromptsRequest, str, str]] = {
    "no region": (request_of(), "regions", "1 to 64 regions"),
    "65 regions": (request_of(*[FINE] * 65), "regions", "1 to 64 regions"),
    "10,000 points": (request_of(region(*[point(1, 1)] * 10_000)), "regions[0].marks", "64 marks"),
    "10,000 vertices": (request_of(region(scribble(*STROKE))), f"{MARK}.scribble", "1024"),
    "1025 vertices": (request_of(region(scribble(*STROKE[:1025]))), f"{MARK}.scribble", "1024"),
    "70,000 vertices": (
        request_of(*[region(*[scribble(*STROKE[:1000])] * 7)] * 10),
        "regions",
        "65536 vertices in all",
    ),
    "no tenant": (request_of(FINE, tenant=""), "tenant", "63 characters"),
    "a bad tenant": (request_of(FINE, tenant="../beta"), "tenant", "63 characters"),
    "0 x 0 image": (request_of(FINE, image_width_px=0), "image_width_px", "1 to 30000 px"),
    "too high": (request_of(FINE, image_height_px=10**6), "image_height_px", "1 to 30000 px"),
    "12000 x 12000 image": (
        request_of(FINE, image_width_px=12_000, image_height_px=12_000),
        "image_width_px",
        "100000000 px in all",
    ),
    "no side": (request_of(FINE, window=window(0, 0, 0)), "window.side_px", "above 0 px"),
    "a window of no number": (request_of(FINE, window=window(NAN, 0, 9)), "window", "finite"),
    "a window outside": (request_of(FINE, window=window(500, 0, 9)), "window", "96 x 64 px"),
    "no mark": (request_of(region()), "regions[0].marks", "1 to 64 marks"),
    "no shape": (request_of(region(geometry_pb2.Mark())), MARK, "a point, box"),
    "a point outside": (request_of(region(point(500, 5))), f"{MARK}.point", "x in 0..96"),
    "a point of no number": (request_of(region(point(NAN, 5))), f"{MARK}.point", "finite"),
    "a box outside": (request_of(region(box(200, 0, 300, 9))), f"{MARK}.box", "x in 0..96"),
    "an endless box": (request_of(region(box(0, 0, INF, 9))), f"{MARK}.box", "finite"),
    "a box without area": (
        request_of(FINE, region(box(9, 9, 2, 2))),
        "regions[1].marks[0].box",
        "x0 < x1",
    ),
    "an empty polygon": (request_of(region(polygon())), f"{MARK}.polygon", "3 to 1024"),
    "a flat polygon": (
        request_of(region(polygon((1, 1), (2, 2), (3, 3)))),
        f"{MARK}.polygon",
        "not all on one line",
    ),
    "a damaged mask": (request_of(region(rle("\x7f~~"))), f"{MARK}.mask.counts", "run-length"),
    "a mask of 1 MB": (request_of(region(rle("1" * 10**6))), f"{MARK}.mask.counts", "96 x 64"),
    "a mask of another size": (request_of(region(rle("0", 9, 9))), f"{MARK}.mask", "96 x 64 px"),
    "masks of too many pixels": (
        request_of(
            region(*[rle(encode_rle(np.ones((4000, 4000), bool))[2], 4000, 4000)] * 60),
            image_width_px=4000,
            image_height_px=4000,
        ),
        "regions",
        "200000000 px of masks",
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_bad_request_is_refused_and_the_next_is_fine(
    suite: Suite, clients: StageClients, name: str
) -> None:
    request, field, limit = BAD_REQUESTS[name]
    await refused(clients.prompt_encoder.EncodePrompts(request), InvalidInput, field, limit)
    await clients.prompt_encoder.EncodePrompts(request_of(FINE))
    await check_idle(suite.stages["prompt_encoder"])


async def test_the_widest_stroke_seen_from_the_nearest_is_drawn(clients: StageClients) -> None:
    stroke = scribble(*STROKE[:9])
    stroke.scribble.width_px = side_px = 30_000
    request = request_of(
        region(stroke), image_width_px=side_px, image_height_px=3000, window=window(0, 0, 1)
    )
    assert (await clients.prompt_encoder.EncodePrompts(request)).encoded.region_count == 1
