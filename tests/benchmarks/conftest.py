from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import Given

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained nano weights where they are, else random ones."""
    trained = ROOT / "weights" / "nano"
    if (trained / "config.json").is_file():
        return trained
    folder = tmp_path_factory.mktemp("weights")
    make = [sys.executable, "-m", "earthgptx.model.checkpoint", "--random", str(folder)]
    subprocess.run(make, cwd=ROOT, check=True)
    return folder


@pytest.fixture
def given(weights: Path, tmp_path: Path) -> Given:
    """As little as makes a figure."""
    return Given(weights, tmp_path, rounds=2)
