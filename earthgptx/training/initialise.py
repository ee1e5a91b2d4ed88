"""Experts that are to learn from nothing start differently from ones that wait for weights.

timm starts ConvNeXt with layer scale 1e-6 and matrices of deviation 0.02: right for long schedules
of deep networks. At nano's length the layer scales had reached 0.02 after 1,500 steps, so the conv
expert was still all but linear (docs/results.md).
"""

from __future__ import annotations

import torch
from torch import nn

_LAYER_SCALES = ("gamma",)


@torch.no_grad()
def start_from_nothing(experts: nn.Module) -> None:
    """Layer scales to 1, matrices and convolutions to unit gain (LeCun), biases to 0."""
    for module in experts.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=module.weight[0].numel() ** -0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, parameter in experts.named_parameters():
        if name.rsplit(".", 1)[-1] in _LAYER_SCALES:
            nn.init.ones_(parameter)
