"""Where a box is, as a network reads it: waves of doubling frequency (Fourier features)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def wave_count(bands: int) -> int:
    """Numbers that ``box_waves`` gives for a box."""
    return 4 * (2 * bands + 1)


def box_waves(boxes_R4: Tensor, bands: int) -> Tensor:
    """Sines and cosines of (x0, y0, x1, y1) in 0..1, and the four themselves: [..., R, W].

    In the boxes' own precision: half of it loses the highest frequencies.
    """
    frequencies = 2.0 ** torch.arange(bands, device=boxes_R4.device)
    phases = boxes_R4.unsqueeze(-1) * frequencies * math.pi
    return torch.cat([torch.cat([phases.sin(), phases.cos()], dim=-1).flatten(-2), boxes_R4], -1)
