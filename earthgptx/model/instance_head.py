"""Instances of what a mask shows: a centre and a box for each (CenterNet, Zhou et al. 2019).

A mask of "all ships" says where ships are, not how many, nor where one ends and the next begins.
The head looks at the mask beside the experts' maps and tells, for each of the finest cells, whether
an instance's centre lies there, and how far it is from there to that instance's four sides. It
learns from boxes, which many sets have where they have no masks.

Q queries, J images, N grid cells, C channels, W width of the head, G finest grid side, H side of a
map, I instances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.imagery.windows import BoxXyxyPx, Window, box_in_image
from earthgptx.model.instance_extents import box_iou, fitted
from earthgptx.model.presets import ModelConfig

GROUPS = 8
# A mask's logits beyond these say nothing more about instances.
MOST_LOGIT = 8.0
# Before anything is learnt, a cell is a centre with probability 0.05.
RARE = -3.0
# Sides are learnt as logarithms of distances in cells: from a tenth of a cell to beyond any view.
LEAST_LOG, MOST_LOG = -2.3, 5.0
LEAST_SCORE = 0.45
MOST_INSTANCES = 100
# Two boxes that overlap more than this are one thing found twice.
SAME_IOU = 0.45


@dataclass(frozen=True)
class InstanceMaps:
    """What the head says of each cell.

    Attributes:
        centre_QGG: logit that an instance's centre is in this cell.
        boxes_Q4GG: the box of the instance centred there, x0 y0 x1 y1 in 0..1 of the view, not
            clipped to it.
    """

    centre_QGG: Tensor
    boxes_Q4GG: Tensor


@dataclass(frozen=True)
class Instances:
    """Instances of one mask, the surest first.

    Attributes:
        boxes_xyxy_unit_I4: float32, in 0..1 of the view.
        scores_I: float32, 0..1.
    """

    boxes_xyxy_unit_I4: npt.NDArray[np.float32]
    scores_I: npt.NDArray[np.float32]

    def in_image(
        self, window: Window, width_px: int, height_px: int
    ) -> tuple[tuple[BoxXyxyPx, float], ...]:
        """Box in pixels of the full image, and score, of each that lies in it; in their order."""
        placed = (
            box_in_image((x0, y0, x1, y1), window, width_px, height_px)
            for x0, y0, x1, y1 in self.boxes_xyxy_unit_I4.tolist()
        )
        scored = zip(placed, self.scores_I.tolist(), strict=True)
        return tuple((box, score) for box, score in scored if box is not None)


class InstanceHead(nn.Module):
    """From coarse to fine over three maps, the mask beside each of them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.mask.instance_width
        coarse, fine = config.pyramid_channels
        self.side = config.grid_side
        channels = config.grid_channels
        self.grid = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, width))
        self.coarse = nn.Conv2d(coarse, width // 2, 1)
        self.fine = nn.Conv2d(fine, width // 2, 1)
        self.on_grid = nn.Sequential(_block(width + 1, width), _block(width, width))
        self.on_coarse = _block(width + width // 2 + 1, width)
        self.on_fine = nn.Sequential(_block(width + width // 2 + 1, width), _block(width, width))
        self.told = nn.Conv2d(width, 5, 1)
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)
        nn.init.constant_(self.told.bias[:1], RARE)

    def forward(
        self,
        grid_JNC: Tensor,
        pyramid: tuple[Tensor, ...],
        images_Q: Tensor,
        logits_QGG: Tensor,
    ) -> InstanceMaps:
        """Looks for the instances of each mask.

        Args:
            grid_JNC: the experts' grids of the images.
            pyramid: their finer maps, the coarser first.
            images_Q: int64; the image that each mask is of.
            logits_QGG: its mask; nothing flows back into what drew it.
        """
        grid_JWHH = self.grid(grid_JNC).transpose(1, 2).unflatten(2, (self.side, self.side))
        made = (grid_JWHH, self.coarse(pyramid[0]), self.fine(pyramid[1]))
        grid, coarse, fine = (each.index_select(0, images_Q) for each in made)
        shown = logits_QGG.detach().clamp(-MOST_LOGIT, MOST_LOGIT).to(grid.dtype) / 2
        shown_Q1GG = shown.unsqueeze(1)
        found = self.on_grid(torch.cat([grid, _shrunk(shown_Q1GG, grid)], dim=1))
        found = torch.cat([_grown(found, coarse), coarse], dim=1)
        found = self.on_coarse(torch.cat([found, _shrunk(shown_Q1GG, coarse)], dim=1))
        found = torch.cat([_grown(found, fine), fine, shown_Q1GG], dim=1)
        told_Q5GG = self.told(self.on_fine(found)).float()
        return InstanceMaps(told_Q5GG[:, 0], _boxes(told_Q5GG[:, 1:]))


def _block(channels: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(GROUPS, width), nn.GELU()
    )


def _shrunk(map_QCGG: Tensor, like_QCHH: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(map_QCGG, like_QCHH.shape[-1])


def _grown(map_QCHH: Tensor, like_QCGG: Tensor) -> Tensor:
    return F.interpolate(map_QCHH, size=like_QCGG.shape[-2:], mode="nearest")


def _boxes(sides_Q4GG: Tensor) -> Tensor:
    """From how far it is to the left, top, right and bottom side to boxes in 0..1 of the view."""
    side = sides_Q4GG.shape[-1]
    cells_Q4GG = sides_Q4GG.clamp(LEAST_LOG, MOST_LOG).exp() * 2
    at_G = torch.arange(side, device=cells_Q4GG.device) + 0.5
    left, top, right, bottom = cells_Q4GG.unbind(1)
    x_1G, y_G1 = at_G.unsqueeze(0), at_G.unsqueeze(1)
    return torch.stack([x_1G - left, y_G1 - top, x_1G + right, y_G1 + bottom], dim=1) / side


def read_instances(maps: InstanceMaps, logits_QGG: Tensor) -> list[Instances]:
    """The instances of each query: centres that stand out among neighbours, each thing once.

    Args:
        maps: what the head said.
        logits_QGG: the masks it looked at; boxes are fitted to their parts (``instance_extents``).
    """
    score_QGG = maps.centre_QGG.sigmoid()
    highest_QGG = F.max_pool2d(score_QGG.unsqueeze(1), 3, stride=1, padding=1).squeeze(1)
    peak_QGG = (score_QGG == highest_QGG) & (score_QGG > LEAST_SCORE)
    found = []
    for query, peak_GG in enumerate(peak_QGG):
        scores_I, order_I = score_QGG[query][peak_GG].sort(descending=True, stable=True)
        boxes_I4 = maps.boxes_Q4GG[query][:, peak_GG].T[order_I].clamp(0.0, 1.0)
        boxes = boxes_I4[:MOST_INSTANCES].cpu().numpy().astype(np.float32)
        scores = scores_I[:MOST_INSTANCES].cpu().numpy().astype(np.float32)
        kept = _once_each(boxes)
        boxes, scores = fitted(boxes[kept], logits_QGG[query].float().cpu().numpy()), scores[kept]
        kept = _once_each(boxes)
        found.append(Instances(boxes[kept], scores[kept]))
    return found


def _once_each(boxes_I4: npt.NDArray[np.float32]) -> list[int]:
    """Which boxes are not those of a thing that came before."""
    kept: list[int] = []
    for i in range(len(boxes_I4)):
        if not kept or box_iou(boxes_I4[i], boxes_I4[kept]).max() <= SAME_IOU:
            kept.append(i)
    return kept
