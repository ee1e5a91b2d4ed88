"""Helping heads: linear readers of cells, regions and summary. Trained with the rest, not shipped.

By way of words alone the experts learn next to nothing at this size (docs/results.md); these say
directly what is where and what is marked. Each is linear, so that what it reads lies open in the
features for the language model too. A mask decoder learns to draw what a state means before any
language model makes such states; then the language model has them to learn from.

B images, N grid cells, H cells per side, C labels, S summary tokens, D width, R regions, Q mask
queries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.data.instructions.qualifiers import QUALIFIERS
from earthgptx.data.vocabulary import IMAGE_WORDS, OBJECT_LABELS
from earthgptx.model.presets import ModelConfig
from earthgptx.training.dense_truth import UNKNOWN, DenseTruth
from earthgptx.training.losses import Part
from earthgptx.training.meanings import NO_QUALIFIER, MeantMasks

FOCUS = 2.0
RARE = -4.0


@dataclass(frozen=True)
class DenseTargets:
    """``DenseTruth`` of a batch; see there."""

    cells_BCHH: Tensor
    counts_BC: Tensor
    instances_BCHH: Tensor
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
        self.words = nn.Linear(tokens * width, len(IMAGE_WORDS))
        self.regions = nn.Linear(width, labels)
        # What a [SEG] state is later, by meaning: a label's, moved by a qualifier's.
        self.label_states = nn.Embedding(labels, width)
        qualifiers = len(QUALIFIERS) + 1
        self.qualifier_states = nn.Embedding(qualifiers, width, padding_idx=NO_QUALIFIER)

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

    def image_word_loss(self, summary_BSD: Tensor, targets: DenseTargets) -> Part:
        """What the whole image is."""
        # Many inputs at one learning rate: as small as one token's worth, or it oscillates.
        flat_BX = summary_BSD.flatten(1) * summary_BSD.shape[1] ** -0.5
        return _known_cross_entropy(self.words(flat_BX).float(), targets.words_B)

    def regions_loss(self, looks_BRD: Tensor, labels_BR: Tensor) -> Part:
        """What each marked thing is."""
        logits = self.regions(looks_BRD).float().flatten(0, 1)
        return _known_cross_entropy(logits, labels_BR.flatten())

    def states_of(self, meant: MeantMasks) -> Tensor:
        """States that mean this, of mean square 1 as the language model's are; without UNKNOWN."""
        states_QD = self.label_states(meant.labels_Q) + self.qualifier_states(meant.qualifiers_Q)
        return F.rms_norm(states_QD, states_QD.shape[-1:])

    def states_loss(self, states_QD: Tensor, meant: MeantMasks) -> Part:
        """How far [SEG] states are from those of what they mean: the decoder knows these."""
        known_Q = (meant.labels_Q != UNKNOWN).float()
        known = dataclasses.replace(meant, labels_Q=meant.labels_Q.clamp_min(0))
        each_Q = (states_QD.float() - self.states_of(known).detach()).square().mean(-1)
        return (each_Q * known_Q).sum(), known_Q.sum()


def _known_cross_entropy(logits: Tensor, targets: Tensor) -> Part:
    total = F.cross_entropy(logits, targets, ignore_index=UNKNOWN, reduction="sum")
    return total, (targets != UNKNOWN).sum().float()


def stack_targets(truths: Sequence[DenseTruth]) -> DenseTargets:
    """Targets of several images as one batch."""
    return DenseTargets(
        cells_BCHH=torch.from_numpy(np.stack([truth.cells_CHH for truth in truths])),
        counts_BC=torch.from_numpy(np.stack([truth.counts_C for truth in truths])),
        instances_BCHH=torch.from_numpy(np.stack([truth.instances_CHH for truth in truths])),
        words_B=torch.tensor([truth.image_word for truth in truths]),
    )
