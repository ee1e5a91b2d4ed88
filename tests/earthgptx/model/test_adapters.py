"""Adapters are put beside a running model: each answers as if merged, and none leaves a trace."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from earthgptx.model.adapters import adapter_tensors, add_adapter, merged, save_adapter
from earthgptx.model.checkpoint import load_image_encoder, load_reasoner, read_stage
from earthgptx.model.errors import CheckpointError, ModelInputError
from earthgptx.model.reasoner import Decoding, ReasonerInput, ReasonerModel, ReasonerNetwork

TOKENS = 10


def language_of(weights: Path) -> ReasonerNetwork:
    network = read_stage(weights, "reasoner", torch.device("cpu"), torch.float32)
    assert isinstance(network, ReasonerNetwork)
    return network


def make_adapter(weights: Path, folder: Path, seed: int) -> None:
    """An adapter that has learnt nonsense, loudly."""
    language = language_of(weights).language
    settings = add_adapter(language, rank=2)
    torch.manual_seed(seed)
    for name, parameter in language.named_parameters():
        if parameter.requires_grad:
            assert "lora_" in name
            nn.init.normal_(parameter, std=0.5)
    save_adapter(adapter_tensors(language), settings, folder)


@pytest.fixture(scope="module")
def adapters(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("harbours", "airfields")):
        make_adapter(weights, folder / name, seed)
    return folder


@pytest.fixture(scope="module")
def asked(weights: Path) -> ReasonerInput:
    view = np.random.default_rng(0).integers(0, 255, (224, 224, 3), dtype=np.uint8)
    image = load_image_encoder(weights, "cpu", "float32").encode([view])[0]
    return ReasonerInput(image, None, "sar", "what is there?")


def text(decoding: Decoding) -> str:
    said = ""
    while not decoding.done:
        said += "".join(output.text for output in decoding.step())
    return said


def test_an_adapter_answers_as_the_weights_it_is_merged_into(
    weights: Path, adapters: Path, asked: ReasonerInput
) -> None:
    running = load_reasoner(weights, "cpu", "float32", adapters=adapters)
    network = language_of(weights)
    network.language = merged(network.language, adapters / "harbours")
    alone = ReasonerModel(network, running.words, running.device, running.dtype)
    assert text(running.open([asked], TOKENS, "harbours")) == text(alone.open([asked], TOKENS))


def test_open_batches_take_turns_each_with_its_own_adapter(
    weights: Path, adapters: Path, asked: ReasonerInput
) -> None:
    plain = text(load_reasoner(weights, "cpu", "float32").open([asked], TOKENS))
    running = load_reasoner(weights, "cpu", "float32", adapters=adapters)
    names = ("harbours", "", "airfields")
    alone = {name: text(running.open([asked], TOKENS, name)) for name in names}
    assert alone[""] == plain
    assert len(set(alone.values())) == 3
    batches = {name: running.open([asked], TOKENS, name) for name in names}
    together = dict.fromkeys(names, "")
    while not all(batch.done for batch in batches.values()):
        for name, batch in batches.items():
            together[name] += "".join(output.text for output in batch.step())
    assert together == alone


def test_an_adapter_that_came_later_is_found_and_told_by_its_version(
    weights: Path, tmp_path: Path, asked: ReasonerInput
) -> None:
    running = load_reasoner(weights, "cpu", "float32", adapters=tmp_path)
    with pytest.raises(ModelInputError, match="no adapter 'late'") as refused:
        running.open([asked], TOKENS, "late")
    assert (refused.value.field, refused.value.limit) == ("adapter", "one of: none here")
    make_adapter(weights, tmp_path / "late", 3)
    running.open([asked], TOKENS, "late")
    assert running.adapter_version("late").startswith("+late-")
    assert running.adapter_version("") == ""


@pytest.mark.parametrize("name", ["../harbours", "", ".", "a/b", "x" * 64, "gone"])
def test_only_names_of_the_folder_are_adapters(
    weights: Path, adapters: Path, asked: ReasonerInput, name: str
) -> None:
    running = load_reasoner(weights, "cpu", "float32", adapters=adapters)
    if not name:
        running.open([asked], TOKENS, name)
        return
    with pytest.raises(ModelInputError) as refused:
        running.open([asked], TOKENS, name)
    assert refused.value.limit == "one of: airfields, harbours"


def test_a_broken_adapter_is_refused_and_leaves_the_model_as_it_was(
    weights: Path, adapters: Path, tmp_path: Path, asked: ReasonerInput
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    settings = json.loads((adapters / "harbours" / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps({**settings, "r": 4}))
    (other / "adapter_model.safetensors").write_bytes(
        (adapters / "harbours" / "adapter_model.safetensors").read_bytes()
    )
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "adapter_config.json").write_text(json.dumps(settings))
    (torn / "adapter_model.safetensors").write_bytes(b"torn")
    huge = tmp_path / "huge"
    huge.mkdir()
    (huge / "adapter_config.json").write_text(json.dumps({**settings, "r": 10**6}))
    (huge / "adapter_model.safetensors").write_bytes(b"")
    plain = text(load_reasoner(weights, "cpu", "float32").open([asked], TOKENS))
    running = load_reasoner(weights, "cpu", "float32", adapters=tmp_path)
    for name in ("other", "torn", "huge"):
        with pytest.raises(ModelInputError, match="cannot be used") as refused:
            running.open([asked], TOKENS, name)
        assert refused.value.field == "adapter"
    assert text(running.open([asked], TOKENS)) == plain


def test_merging_what_is_no_adapter_is_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors: no such file"):
        merged(language_of(weights).language, tmp_path)


def test_without_a_folder_of_adapters_none_can_be_asked_for(
    weights: Path, asked: ReasonerInput
) -> None:
    running = load_reasoner(weights, "cpu", "float32")
    with pytest.raises(ModelInputError, match="no adapters are kept here"):
        running.open([asked], TOKENS, "harbours")
