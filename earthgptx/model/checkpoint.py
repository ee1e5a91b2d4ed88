"""Weights on disk: one safetensors file a stage, one config, one tokenizer.

    python -m earthgptx.model.checkpoint --random DIR    writes random weights, for development

A stage reads its own file only, straight to its device. Files hold bf16; a stage computes in the
dtype it is asked for.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from earthgptx.model.errors import CheckpointError
from earthgptx.model.language_model import Words
from earthgptx.model.pixel_perception import MaskDecoderModel, PixelPerception
from earthgptx.model.presets import PRESETS, ModelConfig, read_config, write_config
from earthgptx.model.prompt_encoder import PromptEncoder, PromptEncoderModel
from earthgptx.model.reasoner import ReasonerModel, ReasonerNetwork
from earthgptx.model.visual_experts import (
    ImageEncoderModel,
    VisualExperts,
    build_conv_expert,
    build_vit_expert,
)

STAGES = ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Tied to the input embeddings; stored once.
TIED_HEAD = "language.lm_head.weight"


def feature_channels(config: ModelConfig) -> tuple[int, tuple[int, ...]]:
    """Channels of the grid and of the finer maps, without building weights."""
    with torch.device("meta"):
        experts = VisualExperts(build_conv_expert(config.conv), nn.Identity(), config)
    return experts.grid_channels, experts.pyramid_channels


def build_stage(config: ModelConfig, stage: str) -> nn.Module:
    """The network of one stage, with random weights."""
    if stage == "image_encoder":
        return VisualExperts(build_conv_expert(config.conv), build_vit_expert(config.vit), config)
    if stage == "prompt_encoder":
        return PromptEncoder(config)
    grid_channels, pyramid_channels = feature_channels(config)
    if stage == "reasoner":
        return ReasonerNetwork(config, grid_channels, pyramid_channels)
    if stage == "mask_decoder":
        return PixelPerception(config, grid_channels, pyramid_channels)
    raise ValueError(f"no stage {stage!r}; stages are {', '.join(STAGES)}")


def save_stage(network: nn.Module, folder: Path, stage: str) -> None:
    """Writes one stage's weights as bf16, atomically; who may read them is up to the umask."""
    state = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
        for name, tensor in network.state_dict().items()
        if name != TIED_HEAD
    }
    partial = folder / f".{stage}.partial"
    partial.unlink(missing_ok=True)
    partial.touch()
    mode = partial.stat().st_mode
    # safetensors puts a file of its own in place, for this user alone; images run as another.
    save_file(state, partial)
    partial.chmod(mode)
    partial.replace(folder / f"{stage}.safetensors")


def read_stage(folder: Path, stage: str, device: torch.device) -> nn.Module:
    """One stage's network with its weights.

    Raises:
        CheckpointError: a file is missing, broken, or made for another configuration.
    """
    config = _read_config(folder)
    path = folder / f"{stage}.safetensors"
    network = build_stage(config, stage)
    try:
        state: dict[str, Tensor] = load_file(path, device=str(device))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read the weights {path}: {error}") from error
    missing, unexpected = network.load_state_dict(state, strict=False)
    missing = [name for name in missing if name != TIED_HEAD]
    if missing or unexpected:
        raise CheckpointError(
            f"{path} does not fit the configuration beside it: "
            f"missing {missing[:3]}, unexpected {unexpected[:3]}"
        )
    return network


def _read_config(folder: Path) -> ModelConfig:
    try:
        return read_config(folder / "config.json")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"cannot read {folder / 'config.json'}: {error}") from error


def model_version(folder: Path, stage: str) -> str:
    """The stage's weights by name: ``<preset>-<12 hex digits of their digest>``."""
    config = _read_config(folder)
    try:
        with (folder / f"{stage}.safetensors").open("rb") as weights:
            digest = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"cannot read the weights of {stage}: {error}") from error
    return f"{config.preset}-{digest[:12]}"


def load_image_encoder(folder: Path, device: str, dtype: str) -> ImageEncoderModel:
    """The image encoder stage's model; see ``read_stage`` for what it raises."""
    network = read_stage(folder, "image_encoder", torch.device(device))
    assert isinstance(network, VisualExperts)
    return ImageEncoderModel(network, torch.device(device), DTYPES[dtype])


def load_prompt_encoder(folder: Path, device: str, dtype: str) -> PromptEncoderModel:
    """The prompt encoder stage's model; see ``read_stage`` for what it raises."""
    network = read_stage(folder, "prompt_encoder", torch.device(device))
    assert isinstance(network, PromptEncoder)
    return PromptEncoderModel(network, torch.device(device), DTYPES[dtype])


def load_reasoner(folder: Path, device: str, dtype: str) -> ReasonerModel:
    """The reasoner stage's model; see ``read_stage`` for what it raises."""
    network = read_stage(folder, "reasoner", torch.device(device))
    assert isinstance(network, ReasonerNetwork)
    words = Words.read(folder / "tokenizer.json")
    return ReasonerModel(network, words, torch.device(device), DTYPES[dtype])


def load_mask_decoder(folder: Path, device: str, dtype: str) -> MaskDecoderModel:
    """The mask decoder stage's model; see ``read_stage`` for what it raises."""
    network = read_stage(folder, "mask_decoder", torch.device(device))
    assert isinstance(network, PixelPerception)
    return MaskDecoderModel(network, torch.device(device), DTYPES[dtype])


def write_random(folder: Path, preset: str = "nano", seed: int = 0) -> None:
    """Writes a complete weights folder with random weights."""
    from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer

    torch.manual_seed(seed)
    config = PRESETS[preset]()
    folder.mkdir(parents=True, exist_ok=True)
    write_config(config, folder / "config.json")
    tokenizer = train_bpe_tokenizer(template_corpus(), config.language.vocab_size)
    tokenizer.save(str(folder / "tokenizer.json"))
    for stage in STAGES:
        save_stage(build_stage(config, stage), folder, stage)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--random", type=Path, required=True, metavar="DIR")
    write_random(parser.parse_args().random)
