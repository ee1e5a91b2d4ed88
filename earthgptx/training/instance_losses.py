"""Losses of the instance head: where centres are, and how well their boxes fit.

Centres by the penalty-reduced focal loss of CenterNet (Zhou et al. 2019, equation 1), boxes by GIoU
(Rezatofighi et al. 2019).

Q queries, I instances, G finest grid side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from earthgptx.model.instance_head import InstanceMaps
from earthgptx.training.losses import Part

# A centre is spread over a sixth of the box, over half a cell at least.
SPREAD_SHARE = 1 / 6
LEAST_SPREAD_CELLS = 0.6
# A cell as near to a centre as this learns the centre's box.
NEAR = 0.5
LEAST_PROBABILITY = 1e-4
LEAST_AREA = 1e-8


@dataclass(frozen=True)
class InstanceTruth:
    """What the head is to say of each cell.

    Attributes:
        near_QGG: 1 where a centre is, falling to 0 around it.
        boxes_Q4GG: box of the nearest centre, in 0..1 of the view.
    """

    near_QGG: Tensor
    boxes_Q4GG: Tensor


def instance_truth(boxes_QI4: Tensor, side: int) -> InstanceTruth:
    """Truth of boxes in 0..1 of the view; those without extent fill up."""
    low, high = boxes_QI4[..., :2] * side, boxes_QI4[..., 2:] * side
    centre_QI2 = ((low + high) / 2).floor().clamp(0, side - 1) + 0.5
    spread_QI2 = ((high - low) * SPREAD_SHARE).clamp_min(LEAST_SPREAD_CELLS)
    at_G = torch.arange(side, device=boxes_QI4.device) + 0.5
    away_QI2G = (at_G - centre_QI2.unsqueeze(-1)) / spread_QI2.unsqueeze(-1)
    x_QI1G, y_QIG1 = away_QI2G[:, :, 0].unsqueeze(2), away_QI2G[:, :, 1].unsqueeze(3)
    near_QIGG = torch.exp(-(x_QI1G**2 + y_QIG1**2) / 2)
    real_QI = (high > low).all(-1)
    near_QGG, nearest_QGG = (near_QIGG * real_QI[..., None, None]).max(1)
    index = nearest_QGG.flatten(1).unsqueeze(-1).expand(-1, -1, 4)
    boxes_Q4GG = boxes_QI4.gather(1, index).transpose(1, 2).unflatten(2, (side, side))
    return InstanceTruth(near_QGG, boxes_Q4GG)


def instance_parts(found: InstanceMaps, boxes_QI4: Tensor) -> dict[str, Part]:
    """The parts that instances have: ``centres`` by instance, ``boxes`` by nearness."""
    truth = instance_truth(boxes_QI4, found.centre_QGG.shape[-1])
    chance = found.centre_QGG.sigmoid().clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    centre = truth.near_QGG > 1 - LEAST_PROBABILITY
    at_centres = (1 - chance) ** 2 * chance.log()
    elsewhere = (1 - truth.near_QGG) ** 4 * chance**2 * (1 - chance).log()
    centres = -torch.where(centre, at_centres, elsewhere).sum()
    weight_QGG = truth.near_QGG * (truth.near_QGG > NEAR)
    misfit_QGG = 1 - giou(found.boxes_Q4GG, truth.boxes_Q4GG)
    return {
        "centres": (centres, centre.sum().float()),
        "boxes": ((misfit_QGG * weight_QGG).sum(), weight_QGG.sum()),
    }


def giou(a_Q4GG: Tensor, b_Q4GG: Tensor) -> Tensor:
    """Generalised intersection over union of boxes, -1..1, by cell."""
    ax0, ay0, ax1, ay1 = a_Q4GG.unbind(1)
    bx0, by0, bx1, by1 = b_Q4GG.unbind(1)
    wide = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp_min(0)
    high = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp_min(0)
    both = wide * high
    either = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both
    around_wide = torch.maximum(ax1, bx1) - torch.minimum(ax0, bx0)
    around = around_wide * (torch.maximum(ay1, by1) - torch.minimum(ay0, by0))
    around = around.clamp_min(LEAST_AREA)
    return both / either.clamp_min(LEAST_AREA) - (around - either) / around
