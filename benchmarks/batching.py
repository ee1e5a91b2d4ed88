"""What dynamic batching gains at a stage: eight callers at once, against batches of one.

Callers of the real gRPC server of the image encoder and of the reasoner, each of which sends its
next request as soon as it has its answer. Every request of the image encoder is for a window that
nobody has asked for, so nothing comes from the cache; every request of the reasoner is the same
question. A stage that batches and one that does not stand side by side and are loaded in turn, so
that both see the same disturbances.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.counts import Rise, count
from benchmarks.figures import Figure, Given, at_least, latency
from benchmarks.pictures import scene_png
from benchmarks.processes import Listening, listening, module, tensor_redis
from protos.earthgptx.v1.geometry_pb2 import Window
from protos.earthgptx.v1.image_encoder_pb2 import EncodeImageRequest
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from protos.earthgptx.v1.tensor_pb2 import TensorRef
from shared.settings import PREFIX, CallerSettings, read_settings
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from shared.tensors.open_store import open_store
from shared.tensors.shared_memory import directory_for

ROUNDS = 12
CALLERS = 8
CALLS_A_ROUND = 2
MAX_BATCHES = (1, CALLERS)
STAGES = ("image_encoder", "reasoner")
QUESTION = "Describe the image."
NEW_TOKENS = 16
WINDOW_SIDE_PX = 256
# Windows so far apart are different windows: none is asked for twice.
WINDOW_STEP_PX = 1 / 512
TTL_S = 3600.0
# Cores are busy with one request already; it is a GPU whose batches are nearly free.
GAIN_TARGET_ON_GPU = at_least(3)


@dataclass
class Load:
    """What eight callers saw of one stage under one batch size.

    Attributes:
        calls_s: Duration of each call, in seconds.
        rates_per_s: Calls a second, of each round.
        mean_batch: Requests in a model call, on average.
    """

    calls_s: list[float] = field(default_factory=list)
    rates_per_s: list[float] = field(default_factory=list)
    mean_batch: float = 0.0


Loads = Mapping[tuple[str, int], Load]


def run(given: Given, *, max_batches: Sequence[int] = MAX_BATCHES) -> list[Figure]:
    """Loads each stage under every batch size, in turn."""
    with _stages(given, max_batches) as (settings, stages):
        loads = asyncio.run(_rounds(settings, stages, given.rounds or ROUNDS))
    return [figure for stage in STAGES for figure in compare(stage, loads)]


@contextmanager
def _stages(
    given: Given, max_batches: Sequence[int]
) -> Iterator[tuple[CallerSettings, dict[tuple[str, int], Listening]]]:
    """Every stage under every batch size, and the settings of who calls them."""
    with ExitStack() as stack:
        shared = {
            "SUITE_KEY": secrets.token_hex(32),
            "TENSOR_REDIS_URL": stack.enter_context(tensor_redis(given.scratch)),
            "OBJECT_STORE_URL": (given.scratch / "objects").as_uri(),
        }
        caller = read_settings(CallerSettings, {PREFIX + k: v for k, v in shared.items()})
        stack.callback(shutil.rmtree, directory_for(caller.suite_key), ignore_errors=True)
        chosen = {
            name: os.environ.get(PREFIX + name, "") for name in ("DEVICE", "DTYPE", "THREADS")
        }
        started = {}
        for stage, max_batch in itertools.product(STAGES, max_batches):
            own = {"WEIGHTS_DIR": str(given.weights), "MAX_BATCH": str(max_batch)}
            log = given.scratch / f"{stage}-{max_batch}.log"
            process = module(f"services.{stage}", shared | chosen | own, log)
            started[stage, max_batch] = (stack.enter_context(process), log)
        yield caller, {which: listening(*process) for which, process in started.items()}


async def _rounds(
    caller: CallerSettings, stages: Mapping[tuple[str, int], Listening], rounds: int
) -> Loads:
    image = _store_image(caller)
    tracer = TracerProvider().get_tracer("benchmark")
    clients = {
        max_batch: StageClients(_addressed(caller, stages, max_batch), tracer)
        for max_batch in {max_batch for _, max_batch in stages}
    }
    some = next(iter(clients.values()))
    whole = await some.image_encoder.EncodeImage(EncodeImageRequest(image=image))
    windows = itertools.count()

    async def encode_a_new_window(max_batch: int) -> None:
        window = Window(x0_px=next(windows) * WINDOW_STEP_PX, y0_px=0, side_px=WINDOW_SIDE_PX)
        request = EncodeImageRequest(image=image, window=window)
        await clients[max_batch].image_encoder.EncodeImage(request)

    async def answer(max_batch: int) -> None:
        asked = GenerateRequest(image=whole.encoded, question=QUESTION, max_new_tokens=NEW_TOKENS)
        async for _ in clients[max_batch].reasoner.Generate(asked):
            pass

    calls = {"image_encoder": encode_a_new_window, "reasoner": answer}
    loads = {which: Load() for which in stages}
    for stage, max_batch in stages:
        await _load(calls[stage], max_batch, Load())
    ports = {_name(*which): place.metrics_port for which, place in stages.items()}
    before = count(ports)
    for _ in range(rounds):
        for (stage, max_batch), load in loads.items():
            await _load(calls[stage], max_batch, load)
    _note_batches(loads, Rise(before, count(ports)))
    await asyncio.gather(*(one.close() for one in clients.values()))
    return loads


def _store_image(caller: CallerSettings) -> TensorRef:
    """A scene, stored as an uploaded file is."""
    store = open_store(caller)
    file = HostTensor.from_numpy(np.frombuffer(scene_png(0), np.uint8))
    ref = store.put(file, tenant="bench", ttl_s=TTL_S, durable=True)
    store.close()
    return ref.to_proto()


def _addressed(
    caller: CallerSettings, stages: Mapping[tuple[str, int], Listening], max_batch: int
) -> CallerSettings:
    """Settings that call the stages of one batch size."""
    encoder, reasoner = (stages[stage, max_batch].port for stage in STAGES)
    return replace(
        caller,
        image_encoder_addr=f"127.0.0.1:{encoder}",
        reasoner_addr=f"127.0.0.1:{reasoner}",
    )


async def _load(call: Callable[[int], Awaitable[None]], max_batch: int, load: Load) -> None:
    """One round: eight callers, each with a few calls one after the other."""

    async def caller() -> None:
        for _ in range(CALLS_A_ROUND):
            began_s = time.perf_counter()
            await call(max_batch)
            load.calls_s.append(time.perf_counter() - began_s)

    started_s = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    load.rates_per_s.append(CALLERS * CALLS_A_ROUND / (time.perf_counter() - started_s))


def _note_batches(loads: Loads, rise: Rise) -> None:
    for which, load in loads.items():
        requests, batches = (
            rise.of(_name(*which), f"earthgptx_stage_batch_size_{part}")
            for part in ("sum", "count")
        )
        load.mean_batch = requests / batches


def _name(stage: str, max_batch: int) -> str:
    return f"{stage.replace('_', ' ')}, batches of at most {max_batch}"


def compare(stage: str, loads: Loads) -> list[Figure]:
    """What the stage did under each batch size, and the gain of the largest over the smallest."""
    of_stage = {max_batch: load for (name, max_batch), load in loads.items() if name == stage}
    figures = []
    for max_batch, load in of_stage.items():
        name = _name(stage, max_batch)
        rate = Figure(
            name=name,
            value=statistics.median(load.rates_per_s),
            unit="1/s",
            samples=len(load.rates_per_s),
            parts={"mean_batch": load.mean_batch, "best_per_s": max(load.rates_per_s)},
        )
        figures += [rate, latency(f"{name}: a call", load.calls_s)]
    alone, batched = (of_stage[choose(of_stage)].rates_per_s for choose in (min, max))
    on_gpu = os.environ.get(f"{PREFIX}DEVICE", "cpu").startswith("cuda")
    gain = Figure(
        name=f"{stage.replace('_', ' ')}, gain by batching",
        value=statistics.median(batched) / statistics.median(alone),
        unit="x",
        samples=len(batched),
        target=GAIN_TARGET_ON_GPU if on_gpu else None,
        parts={"by_best_rounds": max(batched) / max(alone)},
        note="" if on_gpu else f"on a GPU {GAIN_TARGET_ON_GPU}",
    )
    return [*figures, gain]
