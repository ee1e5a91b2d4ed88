"""Memory predicted from shapes alone, held against what processes really take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from earthgptx.model.checkpoint import STAGES
from earthgptx.model.memory.command import memory
from earthgptx.model.memory.predict import predict_stage
from earthgptx.model.memory.stage_calls import CallSize
from earthgptx.model.memory.tensor_peak import TensorPeak
from earthgptx.model.presets import PRESETS, ModelConfig
from tests.earthgptx.model import measured_stage

# Calls large enough to stand out from what a process takes and gives back anyway.
BATCH = {"image_encoder": 16, "prompt_encoder": 64, "reasoner": 8, "mask_decoder": 32}
TOLERANCE = 0.15
# By the stage's extra in pyproject.toml; transformers looks for torchvision where it is installed.
LIBRARIES = {
    "image_encoder": {"timm", "torchvision"},
    "prompt_encoder": {"timm", "torchvision"},
    "reasoner": {"transformers", "torchvision"},
    "mask_decoder": {"transformers", "torchvision"},
}


@pytest.fixture(scope="module", params=STAGES)
def measured(request: pytest.FixtureRequest, weights: Path) -> dict[str, Any]:
    """What one call of one stage took in a process of its own."""
    if not sys.platform.startswith("linux"):
        pytest.skip("resets the peak through /proc")
    stage = request.param
    # Large blocks go back to the system at once, so that the resident peak is the tensors'.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    module = measured_stage.__name__
    command = [sys.executable, "-m", module, str(weights), stage, str(BATCH[stage])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {"stage": stage, **json.loads(done.stdout)}


@pytest.mark.slow
def test_what_is_predicted_for_nano_is_what_a_process_takes(
    measured: dict[str, Any], config: ModelConfig
) -> None:
    stage = measured["stage"]
    predicted = predict_stage(config, stage, "float32", CallSize(BATCH[stage])).peak_bytes
    taken = measured["weights_bytes"] + measured["call_bytes"]
    print(f"{stage}: predicted {predicted:,}, measured {taken:,} bytes")
    assert abs(predicted - taken) / taken < TOLERANCE


@pytest.mark.slow
def test_a_stage_imports_the_libraries_of_its_own_extra_alone(measured: dict[str, Any]) -> None:
    assert set(measured["libraries"]) <= LIBRARIES[measured["stage"]]


def test_tensors_are_counted_while_they_live() -> None:
    with TensorPeak() as peak:
        kept = torch.ones(1000)
        passing = kept * 2
        view = passing[:10]
        assert peak.live_bytes == 8000
        del passing
        assert peak.live_bytes == 8000
        del view
        assert (peak.live_bytes, peak.peak_bytes) == (4000, 8000)
        kept.add_(1)
        assert peak.live_bytes == 4000


def test_quantised_layers_take_their_share_less() -> None:
    config = PRESETS["nano"]()
    full = predict_stage(config, "reasoner", "bfloat16", CallSize(tokens=10))
    small = predict_stage(config, "reasoner", "bfloat16", CallSize(tokens=10), "int8")
    width, language = config.width, config.language
    attention = width * width * 2 + 2 * width * width // 2
    layers = language.layers * (attention + 3 * width * language.intermediate)
    assert full.weights_bytes - small.weights_bytes == layers
    assert full.peak_bytes - small.peak_bytes == layers


def test_the_command_prints_every_stage_and_their_sum(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert memory(["nano", "--json", "--tokens", "8"]) == 0
    told = json.loads(capsys.readouterr().out)
    *stages, total = told["stages"]
    assert [row["stage"] for row in stages] == list(STAGES)
    for key in ("parameters", "weights_bytes", "peak_bytes"):
        assert total[key] == sum(row[key] for row in stages)
    assert memory(["nano", "--tokens", "8"]) == 0
    assert "reasoner" in capsys.readouterr().out
