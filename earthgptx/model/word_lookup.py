"""Words of a question look up their labels' tallies.

To find the tally that a word asks for is a match of contents, far apart in the sequence; a small
language model with rotary positions does not come upon it in an hour of training
(docs/results.md). Here it is one attention without positions: from each word's embedding to the
names the tallies bear. What it finds is added to the word, which from then on says "ships, three".

B batch, L tokens of the question, S labels, O width of the language model.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHARPNESS = 24.0
# A word less like any name than this looks nothing up.
LEAST_LIKENESS = 0.4


class WordLookup(nn.Module):
    """From words to tallies.

    Args:
        width: of the language model.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        # Alike is what is the same word, until something better is learnt.
        self.matched = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.matched.weight)
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.least = nn.Parameter(torch.tensor(LEAST_LIKENESS))

    def forward(self, words_BLO: Tensor, names_SO: Tensor, written_BSO: Tensor) -> Tensor:
        """What is added to each word, [B, L, O]."""
        asked_BLO = F.normalize(self.matched(words_BLO).float(), dim=-1)
        names_SO = F.normalize(self.matched(names_SO.to(words_BLO.dtype)).float(), dim=-1)
        likeness_BLS = asked_BLO @ names_SO.T
        nothing_BL1 = self.least.float().expand(*likeness_BLS.shape[:2], 1)
        weights = (torch.cat([likeness_BLS, nothing_BL1], -1) * self.sharpness.float()).softmax(-1)
        found_BLO: Tensor = weights[..., :-1].to(written_BSO.dtype) @ written_BSO
        return found_BLO
