"""Plans for tests."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from protos.earthgptx.v1.geometry_pb2 import Box, Mark, Region, Window
from shared.interpretation.plan import ANSWER, Plan
from tests.fakes import ref


def region() -> Region:
    return Region(marks=[Mark(box=Box(x0_px=1, y0_px=2, x1_px=30, y1_px=40))])


def plan(**changes: Any) -> Plan:
    """A question about a marked region of a 96 x 64 image, of tenant alpha."""
    plain = Plan(
        run_id=uuid.uuid4().hex,
        tenant="alpha",
        task=ANSWER,
        image=ref("alpha", "image"),
        image_width_px=96,
        image_height_px=64,
        window=Window(x0_px=0, y0_px=-16, side_px=96),
        closer_looks=0,
        modality=0,
        question="What is <Region 1>?",
        regions=(region(),),
        max_new_tokens=0,
        adapter="",
    )
    return replace(plain, **changes)
