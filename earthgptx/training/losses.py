"""The one loss: text CE 1.0, mask BCE 2.0, Dice 0.5 (the paper's), and the helping heads.

Each part is a sum with what it is divided by. Several processes add up the divisors first, so that
their gradients are those of one process that sees the whole batch.

I inside or not, Q mask queries, G finest grid side, H side of the coarse map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from earthgptx.model.pixel_perception import mask_losses

WEIGHTS = {
    "text": 1.0,
    "bce": 2.0,
    "dice": 0.5,
    # Where a [SEG] points on the coarse grid, and how good a mask thinks it is: small helpers.
    "likeness": 0.5,
    "score": 0.1,
    "cells": 0.5,
    "regions": 1.0,
    "image_word": 0.5,
    "instances": 0.3,
    "counts": 0.3,
    "present": 0.5,
    "states": 0.5,
    # Instances of a mask (``instance_losses``).
    "centres": 0.3,
    "boxes": 0.5,
}
NAMES = tuple(WEIGHTS)
# A cell of the coarse map belongs to a mask that covers this share of it.
COVERED_SHARE = 0.15

# A sum, and what it is divided by: scalars; only the sum has a gradient.
Part = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Losses:
    """The loss of one batch.

    Attributes:
        total: weighted sum; what is differentiated.
        means_N: its parts, unweighted, in the order of ``NAMES``; without gradients.
    """

    total: Tensor
    means_N: Tensor

    def floats(self) -> dict[str, float]:
        """All as numbers, for the log."""
        means = dict(zip(NAMES, self.means_N.tolist(), strict=True))
        return {"total": sum(WEIGHTS[name] * mean for name, mean in means.items()), **means}


def divisors(parts: Mapping[str, Part]) -> Tensor:
    """What each part is divided by, in the order of ``NAMES``; 0 for a part that is not there."""
    nothing = next(iter(parts.values()))[1].new_zeros(())
    return torch.stack([parts[name][1] if name in parts else nothing for name in NAMES]).detach()


def weighted(parts: Mapping[str, Part], divisors_N: Tensor) -> Losses:
    """The loss.

    Args:
        parts: of this process's share of the batch.
        divisors_N: of the whole batch, in the order of ``NAMES``; below 1 counts as 1.
    """
    total = divisors_N.new_zeros(())
    means = []
    for name, divisor in zip(NAMES, divisors_N.clamp_min(1.0), strict=True):
        mean = parts[name][0] / divisor if name in parts else divisor.new_zeros(())
        total = total + WEIGHTS[name] * mean
        means.append(mean.detach())
    return Losses(total, torch.stack(means))


def mask_parts(
    drawn: tuple[Tensor, Tensor, Tensor | None], truth_QGG: Tensor, weights_Q: Tensor
) -> dict[str, Part]:
    """The parts that masks have; the likeness of a mark, which points for itself, is no loss.

    Args:
        drawn: what ``PixelPerception`` gives.
        truth_QGG: true masks, 0..1.
        weights_Q: 0 for a query that only fills up.
    """
    logits_QGG, score_Q, likeness_QHH = drawn
    bce_Q, dice_Q = mask_losses(logits_QGG, truth_QGG)
    inside, truth = logits_QGG.detach().float() > 0, truth_QGG > 0.5
    union_Q = (inside | truth).sum((1, 2)).clamp_min(1)
    iou_Q = (inside & truth).sum((1, 2)) / union_Q
    each = {"bce": bce_Q, "dice": dice_Q, "score": (score_Q.float() - iou_Q).square()}
    each["likeness"] = torch.zeros_like(bce_Q)
    if likeness_QHH is not None:
        shrunk = F.adaptive_avg_pool2d(truth_QGG.unsqueeze(1), likeness_QHH.shape[-1])[:, 0]
        pointing, overlap = mask_losses(likeness_QHH, (shrunk > COVERED_SHARE).float())
        each["likeness"] = pointing + overlap
    return {name: ((loss * weights_Q).sum(), weights_Q.sum()) for name, loss in each.items()}


def added(several: list[dict[str, Part]]) -> dict[str, Part]:
    """Parts of the same names added up."""
    sums: dict[str, Part] = {}
    for parts in several:
        for name, (total, divisor) in parts.items():
            before = sums.get(name)
            sums[name] = (
                (total, divisor) if before is None else (before[0] + total, before[1] + divisor)
            )
    return sums
