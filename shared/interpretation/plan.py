"""What is asked, with everything decided that need not wait for a model.

A plan is made and checked by the gateway and never changes: the steps read it, run records keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protos.earthgptx.v1.geometry_pb2 import Region, Window
from protos.earthgptx.v1.tensor_pb2 import TensorRef

Task = Literal["answer", "segment_regions"]
Step = Literal["encode_image", "encode_prompts", "reason", "decode_masks", "finish"]

ANSWER: Task = "answer"
SEGMENT_REGIONS: Task = "segment_regions"


@dataclass(frozen=True, slots=True)
class Plan:
    """One interpretation of one image.

    Attributes:
        run_id: Id of the interpretation.
        tenant: Whose image and tensors.
        task: `ANSWER` or `SEGMENT_REGIONS`.
        image: The file as uploaded: u8 [size_bytes].
        image_width_px: Width of the full image.
        image_height_px: Height of the full image.
        window: What the model looks at, in pixels of the full image.
        closer_looks: How many times masks of regions that points alone mark may be drawn again
            from nearer, once their size is known.
        modality: Number of the `Modality` enum.
        question: The user's words; empty for `SEGMENT_REGIONS`.
        regions: What the user drew, in pixels of the full image.
        max_new_tokens: 0 means the model's default.
        adapter: Of the language model; empty means none.
    """

    run_id: str
    tenant: str
    task: str
    image: TensorRef
    image_width_px: int
    image_height_px: int
    window: Window
    closer_looks: int
    modality: int
    question: str
    regions: tuple[Region, ...]
    max_new_tokens: int
    adapter: str


def steps_of(plan: Plan) -> dict[Step, tuple[Step, ...]]:
    """The steps of the plan, each with those whose results it waits for."""
    encoders: tuple[Step, ...] = ("encode_image",)
    if plan.regions:
        encoders = ("encode_image", "encode_prompts")
    graph: dict[Step, tuple[Step, ...]] = {step: () for step in encoders}
    if plan.task == ANSWER:
        graph["reason"] = encoders
        graph["decode_masks"] = (*encoders, "reason")
    else:
        graph["decode_masks"] = encoders
    graph["finish"] = ("decode_masks",)
    return graph
