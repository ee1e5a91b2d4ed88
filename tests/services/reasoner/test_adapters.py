"""A running reasoner answers with adapters that were put there after it started."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import torch
from opentelemetry.sdk.trace import TracerProvider
from torch import nn

from earthgptx.model.adapters import adapter_tensors, add_adapter, save_adapter
from earthgptx.model.checkpoint import read_stage
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from shared.errors import InvalidInput
from shared.settings import CallerSettings, read_settings
from shared.stage_clients import StageClients
from tests.services.conftest import Suite
from tests.services.encoded import encode_image
from tests.services.reasoner.test_reasoner import ask
from tests.services.stage_processes import StageProcess, start_process


@pytest.fixture(scope="module")
def adapters_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adapters")


@pytest.fixture(scope="module")
def reasoner(
    suite: Suite, adapters_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StageProcess]:
    """A reasoner of its own that knows the folder, which is still empty."""
    environ = suite.environ | {
        "EARTHGPTX_WEIGHTS_DIR": str(suite.weights_folder),
        "EARTHGPTX_ADAPTERS_DIR": str(adapters_folder),
    }
    process = start_process("reasoner", environ, tmp_path_factory.mktemp("logs"))
    try:
        process.wait_listening()
        yield process
    finally:
        process.process.terminate()
        process.stop()


@pytest.fixture
async def adapted(suite: Suite, reasoner: StageProcess) -> AsyncIterator[StageClients]:
    """Clients of the suite's stages, but of the reasoner with adapters."""
    addresses = {f"EARTHGPTX_{n.upper()}_ADDR": s.target for n, s in suite.stages.items()}
    addresses["EARTHGPTX_REASONER_ADDR"] = reasoner.target
    settings = read_settings(CallerSettings, suite.environ | addresses)
    opened = StageClients(settings, TracerProvider().get_tracer("test"))
    yield opened
    await opened.close()


def put_adapter(weights: Path, folder: Path) -> None:
    """An adapter that has learnt nonsense, loudly."""
    network = read_stage(weights, "reasoner", torch.device("cpu"), torch.float32)
    settings = add_adapter(network.language, rank=2)
    torch.manual_seed(0)
    for parameter in network.language.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.5)
    save_adapter(adapter_tensors(network.language), settings, folder)


async def test_an_adapter_put_there_later_answers_beside_the_model_alone(
    suite: Suite, adapted: StageClients, adapters_folder: Path
) -> None:
    image = await encode_image(suite, adapted)
    plain = GenerateRequest(image=image, question="What is there?", max_new_tokens=12)
    named = GenerateRequest(
        image=image, question="What is there?", max_new_tokens=12, adapter="loud"
    )
    with pytest.raises(InvalidInput, match="no adapter 'loud'"):
        await ask(adapted, named)
    before, _, finish = await ask(adapted, plain)
    put_adapter(suite.weights_folder, adapters_folder / "loud")
    (with_it, _, told), (without, _, _) = await asyncio.gather(
        ask(adapted, named), ask(adapted, plain)
    )
    assert without == before
    assert with_it != before
    assert told.version.startswith(f"{finish.version}+loud-")
