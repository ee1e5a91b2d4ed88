"""A weights folder: the files of four stages, one configuration, one tokenizer.

    python -m earthgptx.model.checkpoint --random DIR    writes random weights, for development

A stage reads its own files only, straight to its device, into a network built without memory. Each
stage's libraries are imported with that stage alone: the reasoner needs no timm, the image encoder
no transformers. Files hold bf16; a stage computes in the dtype it is asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from earthgptx.model.errors import CheckpointError
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets import PRESETS, ModelConfig, read_config, write_config
from earthgptx.model.weight_files import ShardWriter, WhenFull, fill, stage_digest, stage_files

if TYPE_CHECKING:
    from earthgptx.model.pixel_perception import MaskDecoderModel
    from earthgptx.model.prompt_encoder import PromptEncoderModel
    from earthgptx.model.reasoner import ReasonerModel
    from earthgptx.model.visual_experts import ImageEncoderModel

STAGES = ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder")
# Beside assembled weights: whose the parts are, and under which licences.
SOURCES_NAME = "sources.json"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Where it is tied to the input embeddings it is stored once.
HEAD = "language.lm_head.weight"


def build_stage(config: ModelConfig, stage: str) -> nn.Module:
    """The network of one stage, with random weights."""
    if stage == "image_encoder":
        from earthgptx.model.visual_experts import VisualExperts

        return VisualExperts(config)
    if stage == "prompt_encoder":
        from earthgptx.model.prompt_encoder import PromptEncoder

        return PromptEncoder(config)
    if stage == "reasoner":
        from earthgptx.model.reasoner import ReasonerNetwork

        return ReasonerNetwork(config)
    if stage == "mask_decoder":
        from earthgptx.model.pixel_perception import build_pixel_perception

        return build_pixel_perception(config)
    raise ValueError(f"no stage {stage!r}; stages are {', '.join(STAGES)}")


def save_stage(network: nn.Module, folder: Path, stage: str) -> None:
    """Writes one stage's weights, parameters as bf16, atomically."""
    save_tensors(network, network.state_dict().items(), folder, stage)


def save_tensors(
    network: nn.Module, tensors: Iterable[tuple[str, Tensor]], folder: Path, stage: str
) -> None:
    """Writes ``tensors``, as they come, as the weights of a stage whose network is ``network``."""
    left_out = tied_names(network.config)
    parameters = dict(network.named_parameters(remove_duplicate=False))
    with ShardWriter(folder, stage) as writer:
        for name, tensor in tensors:
            if name not in left_out:
                dtype = torch.bfloat16 if name in parameters else tensor.dtype
                writer.add(name, tensor.detach().to("cpu", dtype))


def tied_names(config: ModelConfig) -> frozenset[str]:
    """Names of tensors that are others' and not stored."""
    return frozenset({HEAD} if config.language.tied else ())


def read_stage(
    folder: Path,
    stage: str,
    device: torch.device,
    dtype: torch.dtype,
    when_full: WhenFull | None = None,
) -> nn.Module:
    """One stage's network with its weights, parameters as ``dtype`` on ``device``.

    ``when_full`` is called as ``weight_files.fill`` says.

    Raises:
        CheckpointError: a file is missing, broken, or made for another configuration.
    """
    config = read_folder_config(folder)
    with parameters_without_memory():
        network = build_stage(config, stage)
    tied = tied_names(config)
    fill(network, stage_files(folder, stage), device, dtype, tied, when_full)
    if tied and stage == "reasoner":
        network.language.tie_weights()
    return network


def read_folder_config(folder: Path) -> ModelConfig:
    """The configuration of a weights folder.

    Raises:
        CheckpointError: it is missing, or not one of this version's.
    """
    try:
        return read_config(folder / "config.json")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"cannot read {folder / 'config.json'}: {error}") from error


def model_version(folder: Path, stage: str) -> str:
    """The stage's weights by name: ``<preset>-<12 hex digits of their digest>``.

    Raises:
        CheckpointError: configuration or weights cannot be read.
    """
    return f"{read_folder_config(folder).preset}-{stage_digest(folder, stage)[:12]}"


def load_image_encoder(folder: Path, device: str, dtype: str) -> ImageEncoderModel:
    """The image encoder stage's model; see ``read_stage`` for what it raises."""
    from earthgptx.model.visual_experts import ImageEncoderModel, VisualExperts

    place, compute = torch.device(device), DTYPES[dtype]
    network = read_stage(folder, "image_encoder", place, compute)
    assert isinstance(network, VisualExperts)
    return ImageEncoderModel(network, place, compute)


def load_prompt_encoder(folder: Path, device: str, dtype: str) -> PromptEncoderModel:
    """The prompt encoder stage's model; see ``read_stage`` for what it raises."""
    from earthgptx.model.prompt_encoder import PromptEncoder, PromptEncoderModel

    place, compute = torch.device(device), DTYPES[dtype]
    network = read_stage(folder, "prompt_encoder", place, compute)
    assert isinstance(network, PromptEncoder)
    return PromptEncoderModel(network, place, compute)


def load_reasoner(
    folder: Path,
    device: str,
    dtype: str,
    quantisation: str = "none",
    adapters: Path | None = None,
    prefix_limit_bytes: int = 0,
) -> ReasonerModel:
    """The reasoner stage's model; see ``read_stage`` for what it raises.

    The language model's layers are kept as ``quantisation`` says: one of ``quantisation.KINDS``.
    ``adapters`` is a folder of adapter folders (extra ``adapters``), which may grow later.
    ``prefix_limit_bytes`` is what may be kept of images read before.
    """
    from earthgptx.model.language_model import Words
    from earthgptx.model.quantisation import layer_quantiser
    from earthgptx.model.reasoner import ReasonerModel, ReasonerNetwork

    place, compute = torch.device(device), DTYPES[dtype]
    when_full = layer_quantiser(quantisation, compute)
    network = read_stage(folder, "reasoner", place, compute, when_full)
    assert isinstance(network, ReasonerNetwork)
    words = Words.read(folder / "tokenizer.json", network.config.language)
    known = None
    if adapters is not None:
        from earthgptx.model.adapters import Adapters

        known = Adapters(network.language, adapters)
    return ReasonerModel(network, words, place, compute, known, prefix_limit_bytes)


def load_mask_decoder(folder: Path, device: str, dtype: str) -> MaskDecoderModel:
    """The mask decoder stage's model; see ``read_stage`` for what it raises."""
    from earthgptx.model.pixel_perception import MaskDecoderModel, PixelPerception

    place, compute = torch.device(device), DTYPES[dtype]
    network = read_stage(folder, "mask_decoder", place, compute)
    assert isinstance(network, PixelPerception)
    return MaskDecoderModel(network, place, compute)


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
