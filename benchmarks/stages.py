"""Each stage's model alone in one process: how many a second, and how near to the machine's limit.

The limit is what `torch.mm` of two large square matrices reaches here in the same dtype; a model's
own operations are counted by torch (matrix products, convolutions, attention; two for a
multiply-add), and its share of the limit is that of its least sample. Batch sizes take turns, so
that all see the same disturbances. The reasoner is two things: the first token, which reads image,
marks and question, and every further one.

S view side in pixels.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.figures import Figure, Given
from earthgptx.imagery.mark_shapes import BoxMark, PointMark, Region
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.windows import whole_image
from earthgptx.model.checkpoint import (
    DTYPES,
    load_image_encoder,
    load_mask_decoder,
    load_prompt_encoder,
    load_reasoner,
)
from earthgptx.model.pixel_perception import MaskQuery
from earthgptx.model.reasoner import ReasonerInput
from shared.settings import PREFIX

ROUNDS = 10
BATCHES = (1, 2, 4, 8, 16)
DTYPE_NAMES = ("float32", "bfloat16")
LIMIT_SIDE = 2048
LIMIT_ROUNDS = 10
FURTHER_TOKENS = 8

Call = Callable[[], object]


@dataclass(frozen=True)
class Model:
    """One thing to measure: `prepare` makes ready for a batch size and gives the call to time."""

    name: str
    prepare: Callable[[int], Call]


def run(
    given: Given, *, batches: Sequence[int] = BATCHES, dtypes: Sequence[str] = DTYPE_NAMES
) -> list[Figure]:
    """Measures every stage in each of `dtypes` on `EARTHGPTX_DEVICE` (the CPU by default)."""
    device = os.environ.get(f"{PREFIX}DEVICE", "cpu")
    rounds = given.rounds or ROUNDS
    figures: list[Figure] = []
    for dtype in dtypes:
        limit = _limit(device, dtype)
        figures.append(limit)
        for model in _models(given, device, dtype):
            figures += _figures(model, dtype, device, rounds, batches, limit)
    return figures


def _limit(device: str, dtype: str) -> Figure:
    square = torch.randn(LIMIT_SIDE, LIMIT_SIDE, device=device).to(DTYPES[dtype])
    torch.mm(square, square)
    took_s = min(_took(lambda: torch.mm(square, square), device) for _ in range(LIMIT_ROUNDS))
    return Figure(
        name=f"matrix products of {LIMIT_SIDE}, {dtype}",
        value=2 * LIMIT_SIDE**3 / took_s / 1e9,
        unit="GFLOP/s",
        samples=LIMIT_ROUNDS,
        note="the best of the samples: a limit",
    )


def _models(given: Given, device: str, dtype: str) -> Iterator[Model]:
    encoder = load_image_encoder(given.weights, device, dtype)
    side = encoder.view_side_px
    view_SS3 = np.random.default_rng(0).integers(256, size=(side, side, 3), dtype=np.uint8)
    yield Model("image encoder", lambda batch: lambda: encoder.encode([view_SS3] * batch))

    (image,) = encoder.encode([view_SS3])
    marks = (
        Region((BoxMark(0.1 * side, 0.1 * side, 0.6 * side, 0.6 * side),)),
        Region((PointMark(side / 2, side / 2),)),
    )
    raster = rasterise_regions(marks, whole_image(side, side), side, side, side)
    prompt_encoder = load_prompt_encoder(given.weights, device, dtype)
    yield Model("prompt encoder", lambda batch: lambda: prompt_encoder.encode([raster] * batch))

    (prompts,) = prompt_encoder.encode([raster])
    reasoner = load_reasoner(given.weights, device, dtype)
    asked = ReasonerInput(image, prompts, "optical", "What is <Region 1>?")

    def first_token(batch: int) -> Call:
        return lambda: reasoner.open([asked] * batch, FURTHER_TOKENS).step()

    def further_token(batch: int) -> Call:
        decoding = reasoner.open([asked] * batch, FURTHER_TOKENS)
        decoding.step()
        return lambda: decoding.step()

    yield Model("reasoner, first token", first_token)
    yield Model("reasoner, further token", further_token)

    decoder = load_mask_decoder(given.weights, device, dtype)
    query = MaskQuery(
        image, region_token=prompts.regions_RD[0], region_weights=prompts.weights_RGG[0]
    )
    yield Model("mask decoder", lambda batch: lambda: decoder.decode([query] * batch))


def _figures(
    model: Model, dtype: str, device: str, rounds: int, batches: Sequence[int], limit: Figure
) -> list[Figure]:
    """At batch 1, and at the batch size that does most a second."""
    samples_s: dict[int, list[float]] = {batch: [] for batch in batches}
    operations = {batch: _operations(model.prepare(batch)) for batch in batches}
    for _ in range(rounds):
        for batch, found_s in samples_s.items():
            found_s.append(_took(model.prepare(batch), device))
    per_s = {batch: batch / statistics.median(found_s) for batch, found_s in samples_s.items()}
    best = max(per_s, key=per_s.__getitem__)
    figures = []
    for words, batch in (("batch 1", 1), (f"best batch {best}", best)):
        least_s = min(samples_s[batch])
        reached = operations[batch] / least_s / 1e9
        figure = Figure(
            name=f"{model.name}, {dtype}, {words}",
            value=per_s[batch],
            unit="1/s",
            samples=rounds,
            parts={
                "call_ms": 1e3 * statistics.median(samples_s[batch]),
                "least_call_ms": 1e3 * least_s,
                "gflop_a_call": operations[batch] / 1e9,
                "share_of_limit_percent": 100 * reached / limit.value,
            },
        )
        figures.append(figure)
    return figures


def _operations(call: Call) -> int:
    """Floating-point operations of the call; it also warms up what the call needs."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


def _took(call: Call, device: str) -> float:
    """Seconds until the call is through, on the device too."""
    started_s = time.perf_counter()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter() - started_s
