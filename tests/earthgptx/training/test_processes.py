"""Two processes that share a batch learn what one learns that has it alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from earthgptx.training.losses import NAMES

STEPS = 4


def train(folder: Path, processes: int, *options: str) -> list[dict[str, float]]:
    """Losses of each step of a small training, started as a user starts it."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.earthgptx.training.small_training", str(folder)]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command[1:2] = [*launcher, "-m"]
    done = subprocess.run(
        [*command, str(STEPS), *options], check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [{name: line[name] for name in ("total", *NAMES)} for line in lines]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    return train(tmp_path_factory.mktemp("alone") / "run", 1)


@pytest.mark.parametrize("options", [(), ("--sharded",)], ids=["whole weights", "sharded weights"])
def test_two_processes_get_the_losses_of_one(
    tmp_path: Path, alone: list[dict[str, float]], options: tuple[str, ...]
) -> None:
    shared = train(tmp_path / "run", 2, *options)
    assert len(shared) == len(alone) == STEPS
    for together, single in zip(shared, alone, strict=True):
        assert together == pytest.approx(single, abs=2e-4)
