"""Smaller weights for the language model's layers; needs the extra ``quantised``.

    int8   one byte a weight, a scale a row (torchao), any device
    int4   half a byte a weight, NF4 in blocks of 64 (bitsandbytes; Dettmers et al. 2023)

A layer is quantised as soon as its weights are read, on the device, so that the whole model is
never there in full precision. Embedding and head stay as they are: the head decides between words.
"""

from __future__ import annotations

import torch
from torch import nn

from earthgptx.model.errors import CheckpointError
from earthgptx.model.weight_files import WhenFull

KINDS = ("none", "int8", "int4")
_PART = "language."


def layer_quantiser(kind: str, dtype: torch.dtype) -> WhenFull | None:
    """What to do with each module of the reasoner once its weights are there; None for "none".

    Args:
        kind: one of ``KINDS``.
        dtype: in which the layers compute.

    Raises:
        CheckpointError: the kind is unknown, or its library is not installed.
    """
    if kind == "none":
        return None
    if kind not in KINDS:
        raise CheckpointError(f"no quantisation {kind!r}; there are {', '.join(KINDS)}")
    try:
        return _int8() if kind == "int8" else _int4(dtype)
    except ImportError as error:
        raise CheckpointError(f"{kind} weights need the extra 'quantised': {error}") from error


def _int8() -> WhenFull:
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    settings = Int8WeightOnlyConfig()

    def quantise(network: nn.Module, name: str) -> None:
        module = network.get_submodule(name)
        if is_layer(network, name, module):
            quantize_(module, settings)

    return quantise


def _int4(dtype: torch.dtype) -> WhenFull:
    from bitsandbytes.nn import Linear4bit, Params4bit

    def quantise(network: nn.Module, name: str) -> None:
        module = network.get_submodule(name)
        if not is_layer(network, name, module):
            return
        assert isinstance(module, nn.Linear)
        # Without memory: its weight is the one that was just read, quantised by the move.
        small = Linear4bit(
            module.in_features,
            module.out_features,
            bias=module.bias is not None,
            compute_dtype=dtype,
            quant_type="nf4",
            device="meta",
        )
        weight = Params4bit(module.weight.data, requires_grad=False, quant_type="nf4")
        small.weight = weight.to(module.weight.device)
        if module.bias is not None:
            small.bias = module.bias
        network.set_submodule(name, small)

    return quantise


def is_layer(network: nn.Module, name: str, module: nn.Module) -> bool:
    """True for a matrix of the language model that is not its head."""
    if not (name.startswith(_PART) and isinstance(module, nn.Linear)):
        return False
    language = network.get_submodule("language")
    return module is not language.get_output_embeddings()
