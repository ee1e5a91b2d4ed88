"""A training that is killed at any moment and started again ends where an undisturbed one ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from earthgptx.data.adapters.registry import open_dataset
from earthgptx.data.record_shards import write_shards
from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.checkpoint import STAGES, build_stage, save_stage
from earthgptx.model.presets import write_config
from tests.earthgptx.training.own_lines import train_command, write_own_lines
from tests.earthgptx.training.small_network import small

VOCABULARY = 900
STEPS = 6
TIMEOUT_S = 150


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A training of few steps, on shards; all but its folder."""
    start = tmp_path / "start"
    start.mkdir()
    torch.manual_seed(0)
    config = small(VOCABULARY)
    write_config(config, start / "config.json")
    tokenizer = train_bpe_tokenizer(template_corpus(scenes=40), VOCABULARY)
    tokenizer.save(str(start / "tokenizer.json"))
    for stage in STAGES:
        save_stage(build_stage(config, stage), start, stage)
    own = open_dataset(write_own_lines(tmp_path / "own"))
    write_shards(own.records(), tmp_path / "shards", "own", images_per_shard=2)
    what = ["tune", "--start", str(start), "--data", str(tmp_path / "shards"), "--cpu"]
    short = ["--steps", str(STEPS), "--batch-size", "2", "--threads", "1", "--save-every", "2"]
    return train_command(*what, *short)


def begun(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, which its data process is in, too."""
    return subprocess.Popen([*command, "--out", str(folder)], start_new_session=True)


def kill_after(process: subprocess.Popen[bytes], log: Path, steps: int) -> None:
    """Kills it as soon as so many steps are logged."""
    limit = time.monotonic() + TIMEOUT_S
    while not log.exists() or len(log.read_text().splitlines()) < steps:
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def losses(folder: Path) -> dict[int, tuple[float, ...]]:
    """Of each step what the last one to come there logged: all parts, and the gradient's norm."""
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    timing = {"step", "waited_s", "worked_s", "images_per_s", "left_s"}
    return {
        line["step"]: tuple(value for name, value in line.items() if name not in timing)
        for line in lines
    }


@pytest.mark.slow
@pytest.mark.timeout(2 * TIMEOUT_S)
def test_a_training_killed_at_a_random_step_ends_at_the_same_losses_to_the_bit(
    tmp_path: Path, command: list[str]
) -> None:
    after = random.randint(1, STEPS - 2)
    print(f"killed after {after} of {STEPS} steps")
    undisturbed = begun(command, tmp_path / "whole")
    try:
        cut_off = begun(command, tmp_path / "cut")
        kill_after(cut_off, tmp_path / "cut" / "log.jsonl", after)
        assert not (tmp_path / "cut" / "reasoner.safetensors").exists()
        assert begun(command, tmp_path / "cut").wait(TIMEOUT_S) == 0
        assert undisturbed.wait(TIMEOUT_S) == 0
    finally:
        if undisturbed.poll() is None:
            os.killpg(undisturbed.pid, signal.SIGKILL)
    whole, cut = losses(tmp_path / "whole"), losses(tmp_path / "cut")
    assert sorted(whole) == list(range(1, STEPS + 1))
    assert cut == whole
    # Weights, their average and the moments of all gradients, in float32.
    state = load_file(tmp_path / "whole" / "state.safetensors")
    resumed = load_file(tmp_path / "cut" / "state.safetensors")
    assert state.keys() == resumed.keys()
    assert all(torch.equal(state[name], resumed[name]) for name in state)
