"""SAM from transformers' folder: its encoder for the image encoder stage (timm's names), its mask
decoder and tables for the mask decoder stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import Tensor

from earthgptx.model.pretrained.source import Source

_ENCODER = "vision_encoder."
# In order: transformers' name of a part of the encoder, timm's.
_RENAMED = (
    (r"^patch_embed\.projection\.", "patch_embed.proj."),
    (r"^layers\.(\d+)\.layer_norm([12])\.", r"blocks.\1.norm\2."),
    (r"^layers\.(\d+)\.mlp\.lin([12])\.", r"blocks.\1.mlp.fc\2."),
    (r"^layers\.", "blocks."),
    (r"^neck\.conv1\.", "neck.0."),
    (r"^neck\.layer_norm1\.", "neck.1."),
    (r"^neck\.conv2\.", "neck.2."),
    (r"^neck\.layer_norm2\.", "neck.3."),
)


def sam_encoder_tensors(source: Source) -> Iterator[tuple[str, Tensor]]:
    """The encoder under ``sam.``.

    Raises:
        CheckpointError: the folder holds no readable weights.
    """
    for name, tensor in source.tensors():
        if name.startswith(_ENCODER):
            ours = name.removeprefix(_ENCODER)
            for pattern, replacement in _RENAMED:
                ours = re.sub(pattern, replacement, ours)
            yield "sam." + ours, tensor


def sam_decoder_tensors(source: Source) -> Iterator[tuple[str, Tensor]]:
    """The mask decoder under ``decoder.``, the table of positions, the embedding of "no mask".

    Raises:
        CheckpointError: the folder holds no readable weights.
    """
    for name, tensor in source.tensors():
        if name.startswith("mask_decoder."):
            yield "decoder." + name.removeprefix("mask_decoder."), tensor
        elif name == "shared_image_embedding.positional_embedding":
            yield "fourier_2F", tensor
        elif name == "prompt_encoder.no_mask_embed.weight":
            yield "no_mask_W", tensor[0]
