"""Blocks are found by their classes, in whatever a preset is built of; recomputing changes nothing.

Measured here by ``TensorPeak``: all tensors alive at once, weights and gradients included.
"""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words, build_language_model
from earthgptx.model.memory.tensor_peak import TensorPeak
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets import PRESETS, nano
from earthgptx.training.batches import Batch, pack_batch
from earthgptx.training.blocks import blocks_of, recompute_in_backward
from earthgptx.training.learner import Learner
from earthgptx.training.losses import Losses
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from tests.earthgptx.training.small_network import small


@pytest.mark.parametrize("preset", ["nano", "base", "earthgpt-x", "sat"])
def test_every_block_of_experts_and_language_model_is_found(preset: str) -> None:
    config = PRESETS[preset]()
    with parameters_without_memory():
        network = TrainingNetwork(config)
    depths = {
        network.image_encoder.conv: sum(config.conv.depths[: config.conv.stages]),
        network.image_encoder.vit: config.vit.depth,
        network.reasoner.language: config.language.layers,
    }
    if config.sam is not None:
        depths[network.image_encoder.sam] = config.sam.depth
    assert {part: len(blocks_of(part)) for part in depths} == depths
    deep = blocks_of(network.image_encoder, network.reasoner.language)
    assert len(set(deep)) == len(deep) == sum(depths.values())


@pytest.fixture(scope="module")
def batch() -> Batch:
    words = Words(train_bpe_tokenizer(template_corpus(scenes=40), 900))
    samples = SampleSettings(nano().view_side_px, nano().grid_side)
    mixture = Mixture([MixturePart("sar", synthetic_source("sar", (256,)), 1.0)], samples, 0, 2)
    return pack_batch([mixture[n] for n in range(2)], words, nano().image_tokens)


def two_steps(network: TrainingNetwork, batch: Batch, checkpointing: bool) -> list[Losses]:
    settings = LoopSettings(steps=2, batch_size=2, words_from=0.0, warmup_steps=1)
    learner = Learner.of(network, settings, Processes(True, checkpointing=checkpointing))
    return [learner.learn(batch, step)[0] for step in range(2)]


def test_recomputing_gives_the_same_losses_and_weights_to_the_bit(batch: Batch) -> None:
    torch.manual_seed(0)
    kept = TrainingNetwork(small(900))
    recomputed = copy.deepcopy(kept)
    expected = two_steps(kept, batch, checkpointing=False)
    found = two_steps(recomputed, batch, checkpointing=True)
    for one, other in zip(expected, found, strict=True):
        assert one.total.equal(other.total) and one.means_N.equal(other.means_N)
    state = recomputed.state_dict()
    assert all(held.equal(state[name]) for name, held in kept.state_dict().items())


def kept_bytes(model: nn.Module, ids_BL: torch.Tensor) -> int:
    """What is alive between forward and backward, besides the weights."""
    with TensorPeak() as peak:
        for parameter in model.parameters():
            peak.hold(parameter)
        before_bytes = peak.live_bytes
        loss = model(input_ids=ids_BL, use_cache=False).logits.float().mean()
        assert loss.requires_grad
        return peak.live_bytes - before_bytes


def test_eight_layers_keep_a_tenth_where_they_are_recomputed() -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(nano(), language=dataclasses.replace(nano().language, layers=8))
    kept = build_language_model(config).train()
    recomputed = copy.deepcopy(kept)
    recompute_in_backward(blocks_of(recomputed))
    ids_BL = torch.randint(0, config.language.vocab_size, (2, 256))
    whole, less = kept_bytes(kept, ids_BL), kept_bytes(recomputed, ids_BL)
    print(f"kept by eight layers: {whole:,} bytes, recomputed {less:,}")
    assert less < whole / 10


def test_blocks_with_batch_norms_are_not_run_twice() -> None:
    with parameters_without_memory():
        network = TrainingNetwork(nano())
    conv, vit = blocks_of(network.image_encoder.conv), blocks_of(network.image_encoder.vit)
    recompute_in_backward([*conv, *vit])
    assert not any("forward" in vars(block) for block in conv)
    assert all("forward" in vars(block) for block in vit)
