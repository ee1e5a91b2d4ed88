"""Refinement: experts rest, everything else goes on learning, instances too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.training.mixture import MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import bear_names, refine, refinement
from tests.earthgptx.training.small_network import small

VOCABULARY = 900


def test_experts_rest_while_masks_and_instances_learn(tmp_path: Path) -> None:
    torch.manual_seed(0)
    words = Words(train_bpe_tokenizer(template_corpus(scenes=40), VOCABULARY))
    network = TrainingNetwork(small(VOCABULARY))
    bear_names(network, words)
    before = {name: held.clone() for name, held in network.state_dict().items()}
    settings = replace(refinement(steps=2, batch_size=4), warmup_steps=1)
    parts = [MixturePart("optical", synthetic_source("optical", (256,)), 1.0)]
    refine(network, words, parts, settings, 1, tmp_path, Processes(on_cpu=True, workers=0))
    changed = {
        name for name, held in network.state_dict().items() if not torch.equal(held, before[name])
    }
    assert not {name for name in changed if name.startswith("image_encoder.")}
    for part in (
        "prompt_encoder.",
        "reasoner.",
        "mask_decoder.decoder.",
        "mask_decoder.instances.",
    ):
        assert any(name.startswith(part) for name in changed), part
    assert (tmp_path / "mask_decoder.safetensors").exists()
