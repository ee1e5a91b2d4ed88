import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.running import stop_running
from launcher.state import StateFolder
from tests.earthgptx_client.running_command import Ran, run_command

TRAINED = Path(__file__).parents[2] / "weights" / "nano"
Command = Callable[..., Ran]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained model, or one of random weights where there is none."""
    if (TRAINED / "config.json").is_file():
        return TRAINED
    folder = tmp_path_factory.mktemp("weights")
    make = [sys.executable, "-m", "earthgptx.model.checkpoint", "--random", str(folder)]
    subprocess.run(make, check=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def suite_folder(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Path]:
    """The folder of a whole suite, started once by `earthgptx up --detach`."""
    folder = tmp_path_factory.mktemp("suite")
    ran = run_command(["up", "--detach", "--weights", weights], _environment(folder), 150)
    assert ran.code == 0, ran.err
    yield folder
    stop_running(StateFolder(folder))


@pytest.fixture
def command(suite_folder: Path) -> Command:
    """Runs `earthgptx` beside that suite."""

    def run(*arguments: object, **environment: str) -> Ran:
        return run_command(arguments, _environment(suite_folder) | environment, 100)

    return run


def _environment(folder: Path) -> dict[str, str]:
    return {"EARTHGPTX_STATE_DIR": str(folder), "EARTHGPTX_THREADS": "1"}
