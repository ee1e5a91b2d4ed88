"""Tallies: of some labels, how many there are, as tokens that the language model reads.

A language model of this size does not learn to count cells (docs/results.md). Here every cell says
how much of each label's instances it holds; the sum over cells is their number. Each label's token
is the label's name, in the language model's own words, with the number, and roughly where, written
on it in a way all labels share: what attention learns of finding one name and reading its number
holds for all.

B batch, N grid cells, D width of the hybrid block, S labels, O width of the language model, K
numbers from 1, P parts of the image, T tokens of a name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# From here on it is "this many or more".
MOST_COUNTED = 10
NAME_TOKENS = 16
NO_TOKEN = -1
# Where instances are is written as how much of them lies in each of 7 by 7 parts of the image.
PARTS_SIDE = 7
LEAST_SHARE = 1e-4
# Before anything is learnt nothing is there: softplus(-7) over 196 cells is 0.2.
EMPTY_CELL = -7.0


@dataclass(frozen=True)
class Tally:
    """What was counted.

    Attributes:
        instances_BNS: share of each label's instances in each cell, 0 or more.
        present_BS: logit that the label is anywhere.
        at_least_BSK: logits that there are at least 1, 2, ... of it.
    """

    instances_BNS: Tensor
    present_BS: Tensor
    at_least_BSK: Tensor


class Tallies(nn.Module):
    """Counts labels over the hybrid grid and writes a token for each.

    Args:
        labels: how many are counted.
        width: of the hybrid block.
        out_width: of the language model.
    """

    name_ids_ST: Tensor

    def __init__(self, labels: int, width: int, out_width: int) -> None:
        super().__init__()
        self.cells = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())
        self.instances = nn.Linear(width, labels)
        self.present = nn.Linear(width, labels)
        nn.init.constant_(self.instances.bias, EMPTY_CELL)
        nn.init.constant_(self.present.bias, EMPTY_CELL)
        self.slope_K = nn.Parameter(torch.linspace(4.0, 1.5, MOST_COUNTED))
        self.position_SO = nn.Parameter(torch.randn(labels, out_width) * 0.2)
        self.written = nn.Linear(MOST_COUNTED + 1 + PARTS_SIDE**2, out_width)
        unnamed = torch.full((labels, NAME_TOKENS), NO_TOKEN)
        self.register_buffer("name_ids_ST", unnamed)

    def bear_names(self, names: Sequence[Sequence[int]]) -> None:
        """Gives each label the ids of its name, in the order of the labels."""
        self.name_ids_ST.fill_(NO_TOKEN)
        for ids_T, ids in zip(self.name_ids_ST, names, strict=True):
            ids_T[: len(ids)] = torch.tensor(ids[:NAME_TOKENS])

    def count(self, hybrid_BND: Tensor) -> Tally:
        """Counts; sums are float32 whatever the precision of the rest."""
        cells_BND = self.cells(hybrid_BND)
        instances_BNS = F.softplus(self.instances(cells_BND).float())
        number_BS1 = instances_BNS.sum(1).unsqueeze(-1)
        half_K = torch.arange(MOST_COUNTED, device=number_BS1.device) + 0.5
        # A map that is high anywhere: more certain of one thing than a sum over all that is not.
        present_BS = self.present(cells_BND).float().logsumexp(1)
        at_least_BSK = (number_BS1 - half_K) * self.slope_K.float()
        return Tally(instances_BNS, present_BS, at_least_BSK)

    def write(self, tally: Tally) -> Tensor:
        """Numbers and places as the language model reads them, [B, S, O]; alike for every label."""
        number_BSK = torch.cat([tally.present_BS.unsqueeze(-1), tally.at_least_BSK], dim=-1)
        # A small thing is a small share of a part; the root lets it be seen beside large ones.
        where_BSP = (_parts(tally.instances_BNS) + LEAST_SHARE).sqrt()
        said_BSX = torch.cat([number_BSK.sigmoid(), where_BSP], dim=-1)
        written_BSO: Tensor = self.written(said_BSX.to(self.written.weight.dtype))
        return written_BSO

    def tokens(self, written_BSO: Tensor, names_SO: Tensor) -> Tensor:
        """Tokens [B, S, O]: numbers with their labels' names."""
        named_SO = names_SO.to(written_BSO.dtype) + self.position_SO
        tokens_BSO: Tensor = F.layer_norm(written_BSO + named_SO, written_BSO.shape[-1:])
        return tokens_BSO

    def names(self, embedding_VO: Tensor) -> Tensor:
        """The labels' names, [S, O], of the language model's embeddings of its words."""
        known_ST1 = (self.name_ids_ST != NO_TOKEN).unsqueeze(-1)
        # Names are looked up, not learnt here: else they would drift from the words.
        words_STO = F.embedding(self.name_ids_ST.clamp_min(0), embedding_VO.detach())
        mean_SO = (words_STO * known_ST1).sum(1) / known_ST1.sum(1).clamp_min(1)
        return F.layer_norm(mean_SO, mean_SO.shape[-1:])


def _parts(instances_BNS: Tensor) -> Tensor:
    """How much lies in each part of the image, [B, S, P]; all parts together are the number."""
    side = math.isqrt(instances_BNS.shape[1])
    map_BSHH = instances_BNS.transpose(1, 2).unflatten(2, (side, side))
    mean_BSPP = F.adaptive_avg_pool2d(map_BSHH, PARTS_SIDE)
    return mean_BSPP.flatten(2) * (side / PARTS_SIDE) ** 2
