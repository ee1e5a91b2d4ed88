"""Assembled weights: what stands between frozen experts and a frozen language model learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from earthgptx.imagery.marks import BoxMark, Region
from earthgptx.model.checkpoint import STAGES, load_image_encoder, load_reasoner
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.reasoner import ReasonerInput
from earthgptx.model.weight_files import open_tensors, stage_digest, stage_files
from earthgptx.training.tune import merge_adapter
from tests.earthgptx.model.tiny_parts import assemble_tiny
from tests.earthgptx.training.own_lines import train, write_own_lines


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble_tiny(tmp_path_factory.mktemp("parts")).folder


@pytest.fixture(scope="module")
def tuned(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the bridge, the mask decoder and an adapter."""
    folder = tmp_path_factory.mktemp("tuned")
    own, out = write_own_lines(folder / "own", drawn=True), folder / "run"
    run = ["--start", str(start), "--data", str(own), "--out", str(out), "--cpu"]
    what = ["--rank", "2", "--train", "bridge,mask-decoder", "--learning-rate", "0.02"]
    done = train(
        "tune", *run, *what, "--steps", "2", "--batch-size", "2", "--rehearsal", "0",
        "--threads", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def tensors_of(folder: Path, stage: str) -> dict[str, Tensor]:
    held: dict[str, Tensor] = {}
    for path in stage_files(folder, stage):
        with open_tensors(path) as file:
            held |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return held


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_bridge_changes_and_what_is_frozen_does_not_by_a_bit(start: Path, tuned: Path) -> None:
    assert stage_digest(tuned, "image_encoder") == stage_digest(start, "image_encoder")
    assert (tuned / "sources.json").read_text() == (start / "sources.json").read_text()
    changed: dict[str, set[str]] = {}
    for stage in STAGES:
        before, after = tensors_of(start, stage), tensors_of(tuned, stage)
        assert before.keys() == after.keys()
        changed[stage] = {n for n in before if not torch.equal(before[n], after[n])}
    assert {name.split(".")[0] for name in changed["reasoner"]} == {"fusion", "regions"}
    assert changed["prompt_encoder"] and changed["mask_decoder"]
    assert not changed["image_encoder"]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_its_adapter_answers_beside_it_as_merged_into_it(tuned: Path, tmp_path: Path) -> None:
    version = merge_adapter(tuned, tuned / "adapter", tmp_path)
    assert version.startswith("earthgpt-x-")
    assert not (tmp_path / "state.safetensors").exists()
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    mark = Region((BoxMark(20, 20, 90, 80),))
    seen = EarthGptX.load(tmp_path)
    assert seen.answer(pixels, "what is <Region 1>?", (mark,), "sar").raw
    (drawn,) = seen.segment_regions(pixels, (mark,))
    assert drawn.mask_HW.shape == (90, 120)
    image = load_image_encoder(tuned, "cpu", "float32").encode([np.zeros((128, 128, 3), np.uint8)])
    beside = load_reasoner(tuned, "cpu", "float32", adapters=tuned)
    decoding = beside.open([ReasonerInput(image[0], None, "sar", "what?")], 4, "adapter")
    said = [output for _ in range(4) for output in decoding.step()]
    assert said[-1].finished and beside.adapter_version("adapter").startswith("+adapter-")
