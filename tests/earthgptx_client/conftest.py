from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from earthgptx_client import Client
from tests.earthgptx_client.fake_gateway import API_KEY, FakeGateway, serve_fake
from tests.earthgptx_client.running_command import Ran, run_command


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    fake = FakeGateway()
    server = serve_fake(fake)
    yield fake
    server.stop(0).wait()


@pytest.fixture
def client(gateway: FakeGateway) -> Iterator[Client]:
    with Client(gateway.address, API_KEY, timeout_s=10) as client:
        yield client


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), (20, 90, 40)).save(path)
    return path


@pytest.fixture
def command(gateway: FakeGateway, tmp_path: Path) -> Callable[..., Ran]:
    """Runs `earthgptx` against the fake gateway."""

    def run(*arguments: object, **environment: str) -> Ran:
        known = {
            "EARTHGPTX_ADDRESS": gateway.address,
            "EARTHGPTX_API_KEY": API_KEY,
            "EARTHGPTX_STATE_DIR": str(tmp_path / "no-suite"),
        }
        return run_command(arguments, known | environment)

    return run
