"""ConvNeXt and ViT experts from timm's folders, under the names our image encoder gives them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import timm
from torch import Tensor, nn

from earthgptx.model.errors import CheckpointError
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets.configuration import ConvExpertConfig, VitExpertConfig
from earthgptx.model.pretrained.source import Source
from earthgptx.model.visual_experts import build_vit_expert

# Classifiers, and what follows the last stage: none of it is part of an expert.
_HEADS = ("head.", "norm_pre.", "fc_norm.")


def conv_tensors(source: Source, config: ConvExpertConfig) -> Iterator[tuple[str, Tensor]]:
    """The kept stages of a ConvNeXt; timm names them ``stages_0`` where it gives a pyramid.

    Raises:
        CheckpointError: the folder holds another architecture, or no readable weights.
    """
    with parameters_without_memory():
        plain = timm.create_model(
            config.timm_name,
            pretrained=False,
            num_classes=0,
            kernel_sizes=config.kernel_sizes,
            conv_mlp=False,
            dims=config.widths,
            depths=config.depths,
        )
    for name, tensor in _converted(source, config.timm_name, plain):
        stage = re.match(r"stages\.(\d+)\.", name)
        if stage is None or int(stage[1]) < config.stages:
            yield "conv." + re.sub(r"^(stem|stages)\.", r"\1_", name), tensor


def vit_tensors(source: Source, config: VitExpertConfig) -> Iterator[tuple[str, Tensor]]:
    """A ViT; timm fits its positions and patches to the expert's input.

    Raises:
        CheckpointError: the folder holds another architecture, or no readable weights.
    """
    with parameters_without_memory():
        plain = build_vit_expert(config)
    for name, tensor in _converted(source, config.timm_name, plain):
        yield "vit." + name, tensor


def _converted(source: Source, timm_name: str, plain: nn.Module) -> Iterator[tuple[str, Tensor]]:
    wanted = timm_name.partition(".")[0]
    found = source.settings().get("architecture", wanted)
    if found != wanted:
        raise CheckpointError(f"{source.name} holds {found}, the preset wants {wanted}")
    # timm's own conversion of this family: names of older releases, sizes of positions.
    convert = sys.modules[type(plain).__module__].checkpoint_filter_fn
    state: dict[str, Tensor] = convert(dict(source.tensors()), plain)
    for name, tensor in state.items():
        if not name.startswith(_HEADS):
            yield name, tensor
