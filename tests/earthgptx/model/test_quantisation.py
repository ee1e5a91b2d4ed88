"""A language model in int8 and int4 says nearly what it says in full, in less memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from earthgptx.model.checkpoint import load_reasoner
from earthgptx.model.errors import CheckpointError
from earthgptx.model.quantisation import layer_quantiser

LIBRARIES = {"int8": "torchao", "int4": "bitsandbytes"}
# Share of the logits' own spread by which they may differ: 1/127 a weight, or 1/15 of a block.
TOLERANCE = {"int8": 0.05, "int4": 0.5}


def logits(folder: Path, quantisation: str) -> torch.Tensor:
    language = load_reasoner(folder, "cpu", "float32", quantisation).network.language
    ids = torch.arange(20, 60).unsqueeze(0)
    with torch.no_grad():
        hidden = language.base_model(input_ids=ids).last_hidden_state
        found: torch.Tensor = language.get_output_embeddings()(hidden)
    return found


@pytest.mark.parametrize("kind", sorted(LIBRARIES))
def test_a_quantised_model_says_nearly_the_same(kind: str, weights: Path) -> None:
    pytest.importorskip(LIBRARIES[kind])
    full, small = logits(weights, "none"), logits(weights, kind)
    off = (full - small).std() / full.std()
    assert 0 < off < TOLERANCE[kind]


@pytest.mark.parametrize("kind", sorted(LIBRARIES))
def test_layers_are_small_and_the_head_is_whole(kind: str, weights: Path) -> None:
    pytest.importorskip(LIBRARIES[kind])
    network = load_reasoner(weights, "cpu", "bfloat16", kind).network
    layer = network.language.base_model.layers[0].mlp.down_proj
    assert type(layer.weight) is not torch.nn.Parameter
    assert type(network.language.get_output_embeddings().weight) is torch.nn.Parameter
    assert type(network.fusion.projection.weight) is torch.nn.Parameter


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(CheckpointError, match="int3"):
        layer_quantiser("int3", torch.float32)
