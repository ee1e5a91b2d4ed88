"""A weights folder of a preset out of pretrained parts: experts, language model, SAM.

What no pretrained part brings (prompt encoder, hybrid block, region features, the pixel head's
inputs) gets random weights, to be trained. Tensors are streamed: one expert, or one shard, is in
memory at a time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from earthgptx.model.checkpoint import SOURCES_NAME, STAGES, build_stage, tied_names
from earthgptx.model.errors import CheckpointError
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets import ModelConfig, write_config
from earthgptx.model.pretrained.language_part import fit_language, language_tensors
from earthgptx.model.pretrained.sam_parts import sam_decoder_tensors, sam_encoder_tensors
from earthgptx.model.pretrained.source import Source
from earthgptx.model.pretrained.timm_parts import conv_tensors, vit_tensors
from earthgptx.model.pretrained.tokenizer_part import adapt_tokenizer
from earthgptx.model.reasoner import build_fusion, build_region_features
from earthgptx.model.weight_files import SHARD_LIMIT_BYTES, ShardWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """The pretrained parts of a preset; ``sam`` where it has a SAM encoder."""

    conv: Source
    vit: Source
    language: Source
    sam: Source | None = None

    def named(self) -> dict[str, Source]:
        """Those there are, by part."""
        parts = {"conv": self.conv, "vit": self.vit, "language": self.language}
        return {**parts, "sam": self.sam} if self.sam is not None else parts


def assemble(
    preset: ModelConfig,
    sources: Sources,
    out: Path,
    seed: int = 0,
    shard_limit_bytes: int = SHARD_LIMIT_BYTES,
) -> ModelConfig:
    """Writes a complete weights folder; returns its configuration.

    Args:
        preset: its language model is exchanged for the one ``sources`` hold.
        sources: the pretrained parts.
        out: made if it is not there.
        seed: of the weights that no part brings.
        shard_limit_bytes: most bytes of one weights file.

    Raises:
        CheckpointError: a part is missing, broken, or not what the preset wants.
    """
    if (preset.sam is None) != (sources.sam is None):
        raise CheckpointError(f"{preset.preset} {'needs a' if preset.sam else 'has no'} SAM")
    tokens = adapt_tokenizer(sources.language)
    config = fit_language(preset, sources.language, tokens)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    pretrained = {
        "image_encoder": _image_encoder_tensors(config, sources),
        "reasoner": language_tensors(sources.language, config.language, tokens.new_ids, seed),
        "mask_decoder": sam_decoder_tensors(sources.sam) if sources.sam else iter(()),
    }
    for stage in STAGES:
        with ShardWriter(out, stage, shard_limit_bytes) as writer:
            _add_stage(config, stage, pretrained.get(stage, iter(())), writer)
        log.info("%s: %.2f GB", stage, writer.total_bytes / 1e9)
    tokens.tokenizer.save(str(out / "tokenizer.json"))
    write_config(config, out / "config.json")
    told = {part: [s.name, s.licence] for part, s in sources.named().items()}
    (out / SOURCES_NAME).write_text(json.dumps(told, indent=1) + "\n")
    return config


def _image_encoder_tensors(config: ModelConfig, sources: Sources) -> Iterator[tuple[str, Tensor]]:
    yield from conv_tensors(sources.conv, config.conv)
    yield from vit_tensors(sources.vit, config.vit)
    if sources.sam is not None:
        yield from sam_encoder_tensors(sources.sam)


def _add_stage(
    config: ModelConfig,
    stage: str,
    pretrained: Iterator[tuple[str, Tensor]],
    writer: ShardWriter,
) -> None:
    with parameters_without_memory():
        network = build_stage(config, stage)
    parameters = dict(network.named_parameters(remove_duplicate=False))
    wanted = {name: t.shape for name, t in network.state_dict(keep_vars=True).items()}
    for name in tied_names(config):
        wanted.pop(name, None)
    new = _new_tensors(config, stage)
    for name, tensor in pretrained:
        if wanted.pop(name, None) != tensor.shape:
            raise CheckpointError(f"{stage} has no {name} of shape {list(tensor.shape)}")
        _add(writer, name, tensor, name in parameters)
    if lacking := sorted(set(wanted) - set(new)):
        raise CheckpointError(f"no pretrained part brings {lacking[:3]} of {stage}")
    for name in wanted:
        _add(writer, name, new[name], name in parameters)


def _add(writer: ShardWriter, name: str, tensor: Tensor, is_parameter: bool) -> None:
    writer.add(name, tensor.to(torch.bfloat16 if is_parameter else torch.float32))


def _new_tensors(config: ModelConfig, stage: str) -> Mapping[str, Tensor]:
    """Random weights of what a stage has of its own."""
    if stage == "image_encoder":
        return {}
    if stage == "reasoner":
        own: dict[str, nn.Module] = {
            "fusion": build_fusion(config),
            "regions": build_region_features(config),
        }
        return {
            f"{part}.{name}": tensor
            for part, module in own.items()
            for name, tensor in module.state_dict().items()
        }
    state: Mapping[str, Tensor] = build_stage(config, stage).state_dict()
    return state
