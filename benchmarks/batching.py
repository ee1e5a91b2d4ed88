"""What dynamic batching gains at a stage: eight callers at once, against batches of one.

Callers of the real gRPC server of the image encoder and of the reasoner, each of which sends its
next request as soon as it has its answer. Every request of the image encoder is for a window that
nobody has asked for, so nothing comes from the cache; every request of the reasoner is the same
question. Each batch size is measured on a suite of its own, one after the other: the disturbances
are not the same, so look at both suites' least samples on a busy machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import numpy as np
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.figures import Figure, Given, at_least, latency
from benchmarks.pictures import SIDE_PX, scene_png
from benchmarks.suite import Suite, running_suite
from protos.earthgptx.v1.geometry_pb2 import Window
from protos.earthgptx.v1.image_encoder_pb2 import EncodeImageRequest
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from protos.earthgptx.v1.tensor_pb2 import TensorRef
from shared.settings import PREFIX
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from shared.tensors.open_store import open_store

ROUNDS = 12
CALLERS = 8
MAX_BATCHES = (1, CALLERS)
STAGES = ("image_encoder", "reasoner")
NEW_TOKENS = 16
WINDOW_SIDE_PX = 256
TTL_S = 3600.0
# Cores are busy with one request already; it is a GPU whose batches are nearly free.
GAIN_TARGET_ON_GPU = at_least(3)


@dataclass(frozen=True)
class Load:
    """What eight callers saw of one stage.

    Attributes:
        calls_s: Duration of each call, in seconds.
        whole_s: From the first call to the last answer, in seconds.
        mean_batch: Requests in a model call, on average.
    """

    calls_s: list[float]
    whole_s: float
    mean_batch: float

    @property
    def per_s(self) -> float:
        return len(self.calls_s) / self.whole_s


def run(given: Given) -> list[Figure]:
    """Loads each stage of a suite that batches, and of one that does not."""
    loads: dict[tuple[str, int], Load] = {}
    for max_batch in MAX_BATCHES:
        part = Given(given.weights, given.scratch / str(max_batch), given.rounds)
        with running_suite(part, MAX_BATCH=str(max_batch)) as suite:
            found = measure(suite, given.rounds or ROUNDS)
        loads |= {(stage, max_batch): load for stage, load in found.items()}
    return [figure for stage in STAGES for figure in compare(stage, loads)]


def measure(suite: Suite, rounds: int) -> dict[str, Load]:
    """Each stage under eight callers, each of whom calls `rounds` times."""
    return asyncio.run(_load_stages(suite, rounds))


async def _load_stages(suite: Suite, rounds: int) -> dict[str, Load]:
    image = _store_image(suite)
    clients = StageClients(suite.caller_settings(), TracerProvider().get_tracer("benchmark"))
    encoded = (await clients.image_encoder.EncodeImage(EncodeImageRequest(image=image))).encoded

    async def encode_a_new_window(number: int) -> None:
        offset_px = (SIDE_PX - WINDOW_SIDE_PX) * number / (rounds * CALLERS)
        window = Window(x0_px=offset_px, y0_px=0, side_px=WINDOW_SIDE_PX)
        await clients.image_encoder.EncodeImage(EncodeImageRequest(image=image, window=window))

    async def answer(number: int) -> None:
        del number
        question = "Describe the image."
        asked = GenerateRequest(image=encoded, question=question, max_new_tokens=NEW_TOKENS)
        async for _ in clients.reasoner.Generate(asked):
            pass

    calls = {"image_encoder": encode_a_new_window, "reasoner": answer}
    loads = {stage: await _load(suite, stage, calls[stage], rounds) for stage in STAGES}
    await clients.close()
    return loads


def _store_image(suite: Suite) -> TensorRef:
    """A scene as an uploaded file is stored."""
    store = open_store(suite.caller_settings())
    file = HostTensor.from_numpy(np.frombuffer(scene_png(0), np.uint8))
    ref = store.put(file, tenant="bench", ttl_s=TTL_S, durable=True)
    store.close()
    return ref.to_proto()


async def _load(
    suite: Suite, stage: str, call: Callable[[int], Awaitable[None]], rounds: int
) -> Load:
    calls_s: list[float] = []

    async def caller(first: int) -> None:
        for number in range(first, rounds * CALLERS, CALLERS):
            began_s = time.perf_counter()
            await call(number)
            calls_s.append(time.perf_counter() - began_s)

    before = suite.counts(stage)
    started_s = time.perf_counter()
    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    whole_s = time.perf_counter() - started_s
    after = suite.counts(stage)
    requests, batches = (
        after.total(stage, name) - before.total(stage, name)
        for name in ("earthgptx_stage_batch_size_sum", "earthgptx_stage_batch_size_count")
    )
    return Load(calls_s, whole_s, requests / batches)


def compare(stage: str, loads: Mapping[tuple[str, int], Load]) -> list[Figure]:
    """What a stage did under each batch size, and the gain; `loads` by stage and batch size."""
    words = stage.replace("_", " ")
    figures = []
    for max_batch in MAX_BATCHES:
        load = loads[stage, max_batch]
        setting = f"{words}, batches of at most {max_batch}"
        parts = {"mean_batch": load.mean_batch}
        samples = len(load.calls_s)
        figures += [
            Figure(name=setting, value=load.per_s, unit="1/s", samples=samples, parts=parts),
            latency(f"{setting}: a call", load.calls_s),
        ]
    alone, batched = (loads[stage, max_batch] for max_batch in MAX_BATCHES)
    on_gpu = os.environ.get(f"{PREFIX}DEVICE", "cpu").startswith("cuda")
    gain = Figure(
        name=f"{words}, gain by batching",
        value=batched.per_s / alone.per_s,
        unit="x",
        samples=len(batched.calls_s),
        target=GAIN_TARGET_ON_GPU if on_gpu else None,
        note="" if on_gpu else f"on a GPU {GAIN_TARGET_ON_GPU}",
    )
    return [*figures, gain]
