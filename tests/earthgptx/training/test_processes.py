"""Two processes that share a batch learn what one learns that has it alone: the golden losses.

After a change that means to change them: run the first test, look at what it says, and write
``tests/earthgptx/training/golden/losses.json`` anew with

    python -m tests.earthgptx.training.small_training out/golden 4

and the ``total`` and parts of each line of ``out/golden/log.jsonl``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from earthgptx.training.losses import NAMES

STEPS = 4
GOLDEN = Path(__file__).parent / "golden" / "losses.json"


def train(folder: Path, processes: int) -> list[dict[str, float]]:
    """Losses of each step of a small training, started as a user starts it."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.earthgptx.training.small_training", str(folder)]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command[1:2] = [*launcher, "-m"]
    done = subprocess.run(
        [*command, str(STEPS)], check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [{name: line[name] for name in ("total", *NAMES)} for line in lines]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    return train(tmp_path_factory.mktemp("alone") / "run", 1)


def test_the_losses_are_those_of_the_golden_file(alone: list[dict[str, float]]) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert len(alone) == len(golden)
    for step, expected in zip(alone, golden, strict=True):
        assert step == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_two_processes_get_the_losses_of_one(tmp_path: Path, alone: list[dict[str, float]]) -> None:
    shared = train(tmp_path / "run", 2)
    assert len(shared) == len(alone) == STEPS
    for together, single in zip(shared, alone, strict=True):
        assert together == pytest.approx(single, abs=2e-4)
