"""Going further: from a run's averaged weights, everything learns, batch norms stand still."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.presets import write_config
from earthgptx.training.export import export_stages
from earthgptx.training.further import further, many_masks
from earthgptx.training.learner import Learner
from earthgptx.training.mixture import MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import bear_names, refine, refinement
from earthgptx.training.settings import LoopSettings
from tests.earthgptx.training.small_network import small

VOCABULARY = 900
ALONE = Processes(on_cpu=True, workers=0)


def a_run(folder: Path, refined: bool) -> None:
    """A run that learnt nothing yet; refined, its experts' average lies where it was made."""
    torch.manual_seed(0)
    config = small(VOCABULARY)
    folder.mkdir()
    write_config(config, folder / "config.json")
    tokenizer = train_bpe_tokenizer(template_corpus(scenes=40), VOCABULARY)
    tokenizer.save(str(folder / "tokenizer.json"))
    words = Words(tokenizer)
    network = TrainingNetwork(config)
    bear_names(network, words)
    settings = LoopSettings(steps=1, batch_size=4)
    first = folder / "before_refinement" if refined else folder
    first.mkdir(exist_ok=True)
    Learner.of(network, settings, ALONE).save(first, 1)
    if refined:
        export_stages(network, first, ALONE)
        parts = [MixturePart("optical", synthetic_source("optical", (256,)), 1.0)]
        refine(network, words, parts, refinement(1, 4), 1, folder, ALONE)


@pytest.mark.parametrize("refined", [False, True])
def test_all_parts_learn_and_batch_norms_stand_still(tmp_path: Path, refined: bool) -> None:
    a_run(tmp_path / "start", refined)
    further(tmp_path / "start", None, tmp_path / "further", 2, batch_size=4, processes=ALONE)
    state = load_file(tmp_path / "further" / "state.safetensors")
    before = load_file(tmp_path / "start" / "state.safetensors")
    buffers = {name for name in before if name.startswith("buffer/image_encoder.conv")}
    assert buffers
    assert all(torch.equal(state[name], before[name]) for name in buffers)
    for part in ("image_encoder.conv", "image_encoder.vit", "prompt_encoder", "reasoner"):
        moments = [name for name in state if name.startswith(f"exp_avg/{part}.")]
        assert any(state[name].any() for name in moments), part


def test_it_starts_from_the_averaged_weights(tmp_path: Path) -> None:
    a_run(tmp_path / "start", refined=False)
    further(tmp_path / "start", None, tmp_path / "further", 0, batch_size=4, processes=ALONE)
    exported = load_file(tmp_path / "further" / "reasoner.safetensors")
    before = load_file(tmp_path / "start" / "state.safetensors")
    averaged = before["average/reasoner.fusion.projection.weight"]
    assert torch.equal(exported["fusion.projection.weight"], averaged.bfloat16())


def test_a_larger_batch_has_more_masks() -> None:
    assert many_masks(128).most_seg == 2 * many_masks(64).most_seg
