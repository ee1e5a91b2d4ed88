"""What is predicted for a training is what a training of nano holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.memory.command import memory
from earthgptx.model.presets import nano
from earthgptx.training.batches import pack_batch
from earthgptx.training.learner import Learner
from earthgptx.training.learning import Learning, open_to_learn
from earthgptx.training.memory import TrainingShape, predict_training
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from earthgptx.training.tune import start_from

NANO = Path("weights/nano")


def learner_after_a_step(rank: int) -> Learner:
    """As ``tune`` learns, after one step of two images."""
    processes = Processes(on_cpu=True)
    network = start_from(NANO, processes)
    open_to_learn(network, Learning(rank=rank))
    settings = LoopSettings(steps=1, batch_size=2, words_from=0.0, settling_steps=0)
    learner = Learner.of(network, settings, processes)
    words = Words(train_bpe_tokenizer(template_corpus(scenes=40), 900))
    samples = SampleSettings(nano().view_side_px, nano().grid_side)
    mixture = Mixture([MixturePart("sar", synthetic_source("sar", (256,)), 1.0)], samples, 0, 2)
    learner.learn(pack_batch([mixture[0], mixture[1]], words, nano().image_tokens), 0)
    return learner


def bytes_of(tensors: list[torch.Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


@pytest.mark.parametrize("rank", [0, 8])
def test_weights_gradients_moments_and_average_are_those_of_nano(rank: int) -> None:
    learner = learner_after_a_step(rank)
    held = predict_training(nano(), TrainingShape(rank=rank))
    parameters: list[nn.Parameter] = list(learner.network.parameters())
    moments = [s[m] for s in learner.optimiser.state.values() for m in ("exp_avg", "exp_avg_sq")]
    gradients = [p.grad for p in parameters if p.grad is not None]
    weights = [*parameters, *learner.network.buffers()]
    assert held.parameters == sum(p.numel() for p in parameters)
    assert held.weights_bytes == bytes_of(weights)
    assert held.average_bytes == bytes_of(list(learner.average.tensors.values()))
    # A few parts learn of tallies and of unmarked images alone.
    assert held.gradients_bytes == pytest.approx(bytes_of(gradients), rel=0.02)
    assert held.moments_bytes == pytest.approx(bytes_of(moments), rel=0.02)


def test_the_command_tells_what_sharding_spares(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for options in ([], ["--sharded"]):
        command = ["nano", "--training", "--processes", "8", "--tokens", "64", "--json", *options]
        assert memory(command) == 0
        told.append(json.loads(capsys.readouterr().out))
    whole, slices = told
    for part in ("gradients_bytes", "moments_bytes", "average_bytes"):
        # Few tensors have rows that eight do not divide.
        assert whole[part] / 8 <= slices[part] < whole[part] / 7
    assert whole["gathered_bytes"] == 0 < slices["gathered_bytes"]
    assert memory(["nano", "--training", "--tokens", "64"]) == 0
    assert "activations" in capsys.readouterr().out
