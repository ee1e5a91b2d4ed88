"""Names and shapes of nano's parameters: trained weights are read by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earthgptx.model.checkpoint import STAGES, build_stage
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets import ModelConfig

GOLDEN = Path(__file__).parent / "golden" / "nano_state.json"


@pytest.mark.parametrize("stage", STAGES)
def test_names_and_shapes_are_those_of_the_trained_weights(stage: str, config: ModelConfig) -> None:
    with parameters_without_memory():
        network = build_stage(config, stage)
    found = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert found == json.loads(GOLDEN.read_text())[stage]
