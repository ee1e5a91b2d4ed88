"""Weights on disk: round trips, shards, what does not fit, and where tensors go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from earthgptx.model.checkpoint import (
    STAGES,
    build_stage,
    model_version,
    read_stage,
    save_stage,
    tied_names,
)
from earthgptx.model.errors import CheckpointError
from earthgptx.model.presets import ModelConfig, write_config
from earthgptx.model.weight_files import ShardWriter, fill, stage_files
from tests.earthgptx.model.tiny_parts import tiny_preset

CPU = torch.device("cpu")
CONFIGS = {name: tiny_preset(name) for name in ("earthgpt-x", "base", "sat")}


@pytest.mark.parametrize("name", sorted(CONFIGS))
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_comes_back_as_it_was_saved(name: str, stage: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    torch.manual_seed(0)
    saved = build_stage(config, stage)
    write_config(config, tmp_path / "config.json")
    save_stage(saved, tmp_path, stage)
    found = read_stage(tmp_path, stage, CPU, torch.float32)
    parameters = dict(saved.named_parameters(remove_duplicate=False))
    state = found.state_dict()
    for tensor_name, tensor in saved.state_dict().items():
        kept = tensor.to(torch.bfloat16).float() if tensor_name in parameters else tensor
        assert torch.equal(state[tensor_name], kept), tensor_name
    assert [n for n, p in found.named_parameters() if p.is_meta] == []
    for (buffer_name, ours), (_, theirs) in zip(
        found.named_buffers(), saved.named_buffers(), strict=True
    ):
        assert torch.equal(ours, theirs), buffer_name


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_of_the_dtype_asked_for_and_tables_are_not(
    stage: str, weights: Path
) -> None:
    network = read_stage(weights, stage, CPU, torch.bfloat16)
    norms = {
        f"{name}.{leaf}"
        for name, module in network.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for leaf in ("weight", "bias")
    }
    dtypes = {n: p.dtype for n, p in network.named_parameters()}
    assert {d for n, d in dtypes.items() if n not in norms} == {torch.bfloat16}
    assert {dtypes[name] for name in norms} <= {torch.float32}
    assert torch.bfloat16 not in {buffer.dtype for buffer in network.buffers()}


def test_a_head_of_its_own_is_stored_and_a_tied_one_is_not(tmp_path: Path) -> None:
    for name, tied in (("earthgpt-x", False), ("base", True)):
        config = CONFIGS[name]
        assert bool(tied_names(config)) is tied
        write_config(config, tmp_path / "config.json")
        save_stage(build_stage(config, "reasoner"), tmp_path, "reasoner")
        language = read_stage(tmp_path, "reasoner", CPU, torch.float32).language
        shared = language.lm_head.weight is language.get_input_embeddings().weight
        assert shared is tied


def test_shards_hold_what_one_file_holds_and_replace_it(
    config: ModelConfig, weights: Path, tmp_path: Path
) -> None:
    whole = read_stage(weights, "mask_decoder", CPU, torch.bfloat16).state_dict()
    write_config(config, tmp_path / "config.json")
    (tmp_path / "mask_decoder.safetensors").write_bytes(b"of an older run")
    writer = ShardWriter(tmp_path, "mask_decoder", 300_000)
    for name, tensor in whole.items():
        writer.add(name, tensor)
    writer.close()
    files = stage_files(tmp_path, "mask_decoder")
    assert len(files) > 3 and not (tmp_path / "mask_decoder.safetensors").exists()
    assert files[0].name == f"mask_decoder-00001-of-{len(files):05d}.safetensors"
    found = read_stage(tmp_path, "mask_decoder", CPU, torch.bfloat16).state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in whole.items())


def test_the_version_changes_with_the_weights_in_shards_too(
    config: ModelConfig, tmp_path: Path
) -> None:
    write_config(config, tmp_path / "config.json")
    versions = set()
    for value in (1.0, 2.0):
        writer = ShardWriter(tmp_path, "reasoner", 8)
        for name in ("a", "b"):
            writer.add(name, torch.full((4,), value))
        writer.close()
        versions.add(model_version(tmp_path, "reasoner"))
    assert len(versions) == 2
    assert all(version.startswith("nano-") for version in versions)


def _broken(index: Path, text: str) -> Path:
    index.write_text(text)
    return index.parent


@pytest.mark.parametrize(
    "text", ["not json", "{}", json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}})]
)
def test_an_index_that_cannot_be_followed_is_refused(text: str, tmp_path: Path) -> None:
    folder = _broken(tmp_path / "reasoner.safetensors.index.json", text)
    with pytest.raises(CheckpointError, match=r"index\.json"):
        stage_files(folder, "reasoner")


def test_weights_of_another_shape_or_name_are_refused(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    for state, message in (
        ({"weight": torch.ones(2, 4), "bias": torch.ones(2)}, r"\[2, 4\].*\[2, 3\]"),
        ({"weight": torch.ones(2, 3)}, "missing .*bias"),
        ({**network.state_dict(), "other": torch.ones(1)}, "unexpected .*other"),
    ):
        writer = ShardWriter(tmp_path, "part")
        for name, tensor in state.items():
            writer.add(name, tensor)
        writer.close()
        with pytest.raises(CheckpointError, match=message):
            fill(network, stage_files(tmp_path, "part"), CPU, torch.float32)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"part\.safetensors"):
        fill(nn.Linear(1, 1), stage_files(tmp_path, "part"), CPU, torch.float32)
