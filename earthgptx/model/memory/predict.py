"""Memory of each stage of a preset, computed from shapes alone: no weights, no such machine needed.

The stage's network is built of fake tensors, one call is run with them, and every operation's
results are counted while they live (``TensorPeak``). What that leaves out: the process itself
(Python, torch and the other libraries), a CUDA context, scratch memory inside kernels, and what an
allocator keeps in reserve.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch._subclasses import FakeTensorMode

from earthgptx.model.checkpoint import DTYPES, STAGES, build_stage
from earthgptx.model.memory.stage_calls import CallSize, call_stage
from earthgptx.model.memory.tensor_peak import TensorPeak
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets import ModelConfig
from earthgptx.model.quantisation import is_layer

# Bytes a weight of the language model's layers takes, its share of the scales included: int8 has
# a scale of two bytes a row (a thousandth), NF4 one of four bytes for every 64 weights.
BYTES_A_WEIGHT = {"int8": 1.0, "int4": 0.5 + 4 / 64}


@dataclass(frozen=True)
class StageMemory:
    """What a stage needs.

    Attributes:
        weights_bytes: of parameters and tables as they lie on the device.
        peak_bytes: the most that is alive at once during one call, weights included.
    """

    stage: str
    parameters: int
    weights_bytes: int
    peak_bytes: int


def predict_memory(
    config: ModelConfig, dtype: str, size: CallSize, quantisation: str = "none"
) -> list[StageMemory]:
    """Every stage of a preset.

    Args:
        config: of the preset.
        dtype: in which the stages compute.
        size: of the call.
        quantisation: of the language model's layers.
    """
    return [predict_stage(config, stage, dtype, size, quantisation) for stage in STAGES]


def predict_stage(
    config: ModelConfig, stage: str, dtype: str, size: CallSize, quantisation: str = "none"
) -> StageMemory:
    """One stage; see ``predict_memory``."""
    compute, device = DTYPES[dtype], torch.device("cpu")
    with parameters_without_memory():
        network = build_stage(config, stage).eval()
    peak = TensorPeak()
    with FakeTensorMode() as fakes:
        make_fake(network, fakes, compute)
        if stage == "reasoner":
            network.language.tie_weights()
        for tensor in [*network.parameters(), *network.buffers()]:
            peak.hold(tensor)
        held_bytes = peak.live_bytes
        with peak:
            call_stage(network, config, stage, size, device, compute)
    spared_bytes = _spared_bytes(network, quantisation)
    return StageMemory(
        stage=stage,
        parameters=sum(p.numel() for p in network.parameters()),
        weights_bytes=held_bytes - spared_bytes,
        peak_bytes=peak.peak_bytes - spared_bytes,
    )


def make_fake(network: nn.Module, fakes: FakeTensorMode, dtype: torch.dtype) -> None:
    """Gives ``network`` fake tensors on the CPU, which has the kernels all machines have."""
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            made = torch.empty(parameter.shape, dtype=dtype, device="cpu")
            setattr(module, name, nn.Parameter(made))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, fakes.from_tensor(buffer))


def _spared_bytes(network: nn.Module, quantisation: str) -> int:
    """Bytes that quantised layers take less than full ones."""
    if quantisation == "none":
        return 0
    layers = [
        module.weight
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and is_layer(network, name, module)
    ]
    each = BYTES_A_WEIGHT[quantisation]
    return sum(int(w.numel() * (w.element_size() - each)) for w in layers)
