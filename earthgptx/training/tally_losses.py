"""What tallies are taught: where instances are, how many, whether there is any.

B images, N grid cells, H cells per side, S tallied labels, K numbers from 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from earthgptx.model.tallies import Tally
from earthgptx.training.dense_heads import DenseTargets
from earthgptx.training.dense_truth import UNKNOWN
from earthgptx.training.losses import Part

# Of 22 labels about four show; questions ask as often for what is there as for what is not.
ABSENT_WEIGHT = 0.2
LEAST_RATE = 1e-6


def tally_losses(tally: Tally, targets: DenseTargets, labels_S: torch.Tensor) -> dict[str, Part]:
    """The parts of the loss.

    ``instances`` is the Poisson likelihood of what each cell holds, a cell's count having no upper
    limit; ``counts`` is ordinal, one binary question a number (Niu et al. 2016).

    Args:
        tally: what was counted.
        targets: the truth of every label of ``OBJECT_LABELS``.
        labels_S: the tallied labels' numbers there.
    """
    counts_BS = targets.counts_BC[:, labels_S]
    known_BS = (counts_BS != UNKNOWN).float()
    truth_BNS = targets.instances_BCHH[:, labels_S].float().flatten(2).transpose(1, 2)
    rate_BNS = tally.instances_BNS
    each_BNS = rate_BNS - truth_BNS * (rate_BNS + LEAST_RATE).log()
    weights_BS = known_BS * torch.where(counts_BS > 0, 1.0, ABSENT_WEIGHT)
    numbers_K = torch.arange(tally.at_least_BSK.shape[-1], device=counts_BS.device)
    at_least_BSK = (counts_BS.unsqueeze(-1) > numbers_K).float()
    ordinal_BSK = F.binary_cross_entropy_with_logits(
        tally.at_least_BSK, at_least_BSK, reduction="none"
    )
    present_BS = F.binary_cross_entropy_with_logits(
        tally.present_BS, (counts_BS > 0).float(), reduction="none"
    )
    return {
        "instances": (
            (each_BNS * known_BS.unsqueeze(1)).sum(),
            (counts_BS.clamp_min(0) * known_BS).sum(),
        ),
        "counts": ((ordinal_BSK.sum(-1) * weights_BS).sum(), weights_BS.sum()),
        "present": ((present_BS * weights_BS).sum(), weights_BS.sum()),
    }
