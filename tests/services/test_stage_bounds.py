"""Every stage: a bounded queue, deadlines and cancels that hold before the model is reached.

Each stage runs here with a model that can be held, room for one request in the model and for two
in the queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from protos.earthgptx.v1.image_encoder_pb2 import EncodeImageRequest
from protos.earthgptx.v1.mask_decoder_pb2 import DecodeMasksRequest, MaskQuery
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from shared.errors import DeadlineExceeded, QueueFull
from shared.settings import CallerSettings, read_settings
from shared.stage_clients import StageClients
from tests.services.conftest import Suite
from tests.services.encoded import encode_image, encode_marks
from tests.services.marks import point, region
from tests.services.pictures import png
from tests.services.refusals import check_idle
from tests.services.stage_processes import STAGES, StageProcess, start_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# The method by which a stage's model is asked.
METHODS = {"image_encoder": "encode", "prompt_encoder": "encode", "reasoner": "open"}
HELD = """
import runpy
import time
from pathlib import Path
from services.{stage} import engine
from shared import health

# A probe would take a place in the queue.
health.PROBE_INTERVAL_S = 3600
load = engine.load_{stage}

def load_held(*arguments):
    model = load(*arguments)
    work = model.{method}

    def held(*arguments):
        while Path({flag!r}).exists():
            time.sleep(0.01)
        return work(*arguments)

    model.{method} = held
    return model

engine.load_{stage} = load_held
runpy.run_module("services.{stage}", run_name="__main__")
"""
Call = Callable[[int, float], Awaitable[Any]]


@dataclass
class HeldStage:
    """A stage whose model waits as long as the flag is there."""

    process: StageProcess
    flag: Path
    call: Call

    def asked(self) -> float:
        """Requests the model was asked so far."""
        return self.process.metric("earthgptx_stage_batch_size_sum")

    async def until(self, in_flight: int) -> None:
        """Returns once that many calls are open: one at the model, the others in line for it."""
        wanted = {
            "earthgptx_rpc_in_flight": in_flight,
            "earthgptx_stage_queue_depth": in_flight - 1,
        }
        async with asyncio.timeout(20):
            while any(self.process.metric(name) != count for name, count in wanted.items()):
                await asyncio.sleep(0.02)


async def calls_of(stage: str, suite: Suite, clients: StageClients, to: StageClients) -> Call:
    """Makes the n-th request of a stage, each of other content, to `to`."""
    if stage == "image_encoder":
        images = [suite.put_image(png(seed=900 + n)).to_proto() for n in range(20)]
        return lambda n, s: to.image_encoder.EncodeImage(
            EncodeImageRequest(image=images[n]), timeout=s
        )
    if stage == "prompt_encoder":
        size = {"image_width_px": 96, "image_height_px": 64}
        return lambda n, s: to.prompt_encoder.EncodePrompts(
            EncodePromptsRequest(tenant="alpha", regions=[region(point(n, 5))], **size), timeout=s
        )
    image, prompts = await encode_image(suite, clients), await encode_marks(clients)
    if stage == "mask_decoder":
        request = DecodeMasksRequest(
            image=image, prompts=prompts, queries=[MaskQuery(region_index=0)]
        )
        return lambda n, s: to.mask_decoder.DecodeMasks(request, timeout=s)

    async def generate(n: int, timeout_s: float) -> None:
        asked = GenerateRequest(image=image, question=f"Say {n}.", max_new_tokens=2)
        async for _ in to.reasoner.Generate(asked, timeout=timeout_s):
            pass

    return generate


@pytest.fixture(params=STAGES)
async def held(
    request: pytest.FixtureRequest, suite: Suite, clients: StageClients, tmp_path: Path
) -> AsyncIterator[HeldStage]:
    stage, flag = request.param, tmp_path / "held"
    environ = suite.environ | {
        "EARTHGPTX_WEIGHTS_DIR": str(suite.weights_folder),
        "EARTHGPTX_MAX_BATCH": "1",
        "EARTHGPTX_MAX_QUEUE": "2",
    }
    program = HELD.format(stage=stage, method=METHODS.get(stage, "decode"), flag=str(flag))
    process = start_process(stage, environ, tmp_path, program)
    await asyncio.to_thread(process.wait_listening)
    address = {f"EARTHGPTX_{stage.upper()}_ADDR": process.target}
    settings = read_settings(CallerSettings, suite.environ | address)
    to = StageClients(settings, TracerProvider().get_tracer("test"))
    flag.touch()
    yield HeldStage(process, flag, await calls_of(stage, suite, clients, to))
    flag.unlink(missing_ok=True)
    await to.close()
    assert await asyncio.to_thread(process.stop) == 0


async def test_queue_deadline_and_cancel_hold_while_the_model_is_busy(held: HeldStage) -> None:
    before = held.asked()
    in_model = asyncio.ensure_future(held.call(0, 60))
    await held.until(1)
    called_off, waiting = (asyncio.ensure_future(held.call(n, 60)) for n in (1, 2))
    await held.until(3)

    began_s = time.monotonic()
    burst = (held.call(3 + n, 60) for n in range(8))
    refusals = await asyncio.gather(*burst, return_exceptions=True)
    assert time.monotonic() - began_s < 5
    assert {type(refusal) for refusal in refusals} == {QueueFull}
    assert all(refusal.limit and refusal.retry_after_s > 0 for refusal in refusals)

    called_off.cancel()
    await held.until(2)
    with pytest.raises(DeadlineExceeded):
        await held.call(11, 0.7)
    await held.until(2)

    held.flag.unlink()
    await in_model
    await waiting
    # Neither who was late nor who was called off reached the model.
    assert held.asked() - before == 2
    await held.call(12, 60)
    await check_idle(held.process)
