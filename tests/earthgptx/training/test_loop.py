"""A training that was cut off goes on to the same weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.presets import nano
from earthgptx.training.learner import Learner
from earthgptx.training.loop import TrainingStopped, train
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings, learning_rate_at
from tests.earthgptx.training.small_network import small


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Words:
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
    train_bpe_tokenizer(template_corpus(scenes=40), 900).save(str(path))
    return Words.read(path)


def run(
    folder: Path, words: Words, steps: int, stop_after: int, learning_rate: float = 1e-3
) -> None:
    """Trains towards ``steps``, to be cut off after ``stop_after``."""
    torch.manual_seed(0)
    settings = LoopSettings(
        steps=steps,
        batch_size=2,
        learning_rate=learning_rate,
        warmup_steps=2,
        words_from=0.5,
        save_every=1,
    )
    parts = [MixturePart("optical", synthetic_source("optical", (256,)), 1.0)]
    mixture = Mixture(parts, SampleSettings(nano().view_side_px, nano().grid_side), 0, steps * 2)
    folder.mkdir(exist_ok=True)
    network = TrainingNetwork(small(900))
    alone = Processes(on_cpu=True, workers=0)
    if stop_after < steps:
        with pytest.raises(_CutOff):
            cutting = _CuttingMixture(mixture, stop_after * 2)
            train(network, cutting, words, settings, folder, alone)
    else:
        train(network, mixture, words, settings, folder, alone)


class _CutOff(Exception):
    """Stands for a power cut."""


class _CuttingMixture(Mixture):
    """Fails when a sample past ``limit`` is asked for."""

    def __init__(self, inner: Mixture, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    def __len__(self) -> int:
        return len(self._inner)

    def __getitem__(self, index: int):  # type: ignore[no-untyped-def]
        if index >= self._limit:
            raise _CutOff
        return self._inner[index]


# Words begin with step 2: cut before, at and after that.
@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_resumed_training_ends_at_the_same_weights_to_the_bit(
    tmp_path: Path, words: Words, stop_after: int
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run(tmp_path / "whole", words, steps=4, stop_after=4)
        run(tmp_path / "cut", words, steps=4, stop_after=stop_after)
        run(tmp_path / "cut", words, steps=4, stop_after=4)
    finally:
        torch.set_num_threads(threads)
    for stage in ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder"):
        whole = load_file(tmp_path / "whole" / f"{stage}.safetensors")
        cut = load_file(tmp_path / "cut" / f"{stage}.safetensors")
        assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_a_state_of_other_parts_is_not_gone_on_from(tmp_path: Path) -> None:
    network, settings = TrainingNetwork(small(900)), LoopSettings(steps=1, batch_size=1)
    alone = Processes(on_cpu=True)
    Learner.of(network, settings, alone).save(tmp_path, 1)
    assert Learner.of(network, settings, alone).go_on_from(tmp_path) == 1
    network.image_encoder.requires_grad_(False)
    with pytest.raises(ValueError, match="not the state of what learns now; image_encoder"):
        Learner.of(network, settings, alone).go_on_from(tmp_path)


def test_a_loss_that_is_not_a_number_stops_with_advice(tmp_path: Path, words: Words) -> None:
    with pytest.raises(TrainingStopped, match="smaller learning rate"):
        run(tmp_path / "wild", words, steps=6, stop_after=6, learning_rate=float("inf"))


def test_the_learning_rate_warms_up_twice_holds_and_falls_to_zero() -> None:
    settings = LoopSettings(steps=1000, batch_size=1, learning_rate=1.0, warmup_steps=100)
    settings = dataclasses.replace(settings, words_from=0.5, decay_from=0.7)
    rates = [learning_rate_at(step, settings) for step in (0, 99, 300, 500, 650, 850, 999)]
    assert rates[0] == rates[3] == pytest.approx(0.01)
    assert rates[1] == rates[2] == rates[4] == 1.0
    assert rates[5] == pytest.approx(0.5)
    assert 0 < rates[6] < 0.01
