"""Helping heads: linear readers of cells, regions and summary. Trained with the rest, not shipped.

By way of words alone the experts learn next to nothing at this size (docs/results.md); these say
directly what is where, what is marked, and how many there are. Each is linear, so that what it
reads lies open in the features for the language model too. Each label's count is read off one
summary token (label c off token c mod S), for the language model to know where to look.

B images, N grid cells, H cells per side, C labels, S summary tokens, D width, R regions, K counts,
J labels a summary token, Q mask queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.data.vocabulary import IMAGE_WORDS, OBJECT_LABELS
from earthgptx.model.presets import ModelConfig
from earthgptx.training.dense_truth import MOST_COUNTED, UNKNOWN
from earthgptx.training.losses import Part

FOCUS = 2.0
# Most labels are absent from most images: what is there counts more.
ABSENT_WEIGHT = 0.1
RARE = -4.0


@dataclass(frozen=True)
class DenseTargets:
    """``DenseTruth`` of a batch; see there."""

    cells_BCHH: Tensor
    counts_BC: Tensor
    words_B: Tensor


class DenseHeads(nn.Module):
    """One linear layer for each question."""

    def __init__(self, config: ModelConfig, grid_channels: int) -> None:
        super().__init__()
        labels = len(OBJECT_LABELS)
        tokens, width = config.summary_tokens, config.width
        self.grid_side = config.grid_side
        self.cells_norm = nn.LayerNorm(grid_channels)
        self.cells = nn.Linear(grid_channels, labels)
        nn.init.constant_(self.cells.bias, RARE)
        of_token = math.ceil(labels / tokens) * (MOST_COUNTED + 1)
        self.counts_SDJK = nn.Parameter(torch.randn(tokens, width, of_token) * width**-0.5)
        self.counts_bias_SJK = nn.Parameter(torch.zeros(tokens, of_token))
        self.words = nn.Linear(tokens * width, len(IMAGE_WORDS))
        self.regions = nn.Linear(width, labels)
        # What a [SEG] state is later: the language model's states have a mean square of 1.
        self.label_states = nn.Embedding(labels, width)

    def cells_loss(self, grid_BNC: Tensor, targets: DenseTargets) -> Part:
        """Focal loss of every cell and label (Lin et al. 2017, eq. 4), over cells that are 1."""
        side = self.grid_side
        logits_BNC = self.cells(self.cells_norm(grid_BNC)).float()
        logits_BCHH = logits_BNC.transpose(1, 2).unflatten(2, (side, side))
        truth = targets.cells_BCHH
        hits = truth.clamp_min(0).float()
        each = F.binary_cross_entropy_with_logits(logits_BCHH, hits, reduction="none")
        missed = (logits_BCHH.sigmoid() - hits).abs()
        known = (truth != UNKNOWN).float()
        return (each * missed**FOCUS * known).sum(), hits.sum()

    def summary_losses(self, summary_BSD: Tensor, targets: DenseTargets) -> tuple[Part, Part]:
        """How many of each label; what the whole image is."""
        read_BSJK = torch.einsum("bsd,sdj->bsj", summary_BSD, self.counts_SDJK)
        counts_BSJK = (read_BSJK + self.counts_bias_SJK).unflatten(2, (-1, MOST_COUNTED + 1))
        truth_BC = targets.counts_BC
        counts_BKC = counts_BSJK.permute(0, 3, 2, 1).flatten(2)[..., : truth_BC.shape[1]].float()
        each = F.cross_entropy(counts_BKC, truth_BC.clamp_min(0), reduction="none")
        weights = (truth_BC > 0).float() + ABSENT_WEIGHT * (truth_BC == 0).float()
        counts = (each * weights).sum(), weights.sum()
        # Many inputs at one learning rate: as small as one token's worth, or it oscillates.
        flat_BX = summary_BSD.flatten(1) * summary_BSD.shape[1] ** -0.5
        return counts, _known_cross_entropy(self.words(flat_BX).float(), targets.words_B)

    def regions_loss(self, looks_BRD: Tensor, labels_BR: Tensor) -> Part:
        """What each marked thing is."""
        logits = self.regions(looks_BRD).float().flatten(0, 1)
        return _known_cross_entropy(logits, labels_BR.flatten())


def _known_cross_entropy(logits: Tensor, targets: Tensor) -> Part:
    total = F.cross_entropy(logits, targets, ignore_index=UNKNOWN, reduction="sum")
    return total, (targets != UNKNOWN).sum().float()


def stack_targets(
    cells_CHH: list[Tensor], counts_C: list[Tensor], words: list[int]
) -> DenseTargets:
    """Targets of several images as one batch."""
    return DenseTargets(torch.stack(cells_CHH), torch.stack(counts_C), torch.tensor(words))
