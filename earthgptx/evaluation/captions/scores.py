"""All caption scores of a set: BLEU-1 to BLEU-4, METEOR, ROUGE-L, CIDEr-D, SPICE."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.captions.bleu import bleu_of_sums, bleu_statistics
from earthgptx.evaluation.captions.cider import cider_d
from earthgptx.evaluation.captions.java_metrics import meteor, spice
from earthgptx.evaluation.captions.ngrams import LONGEST
from earthgptx.evaluation.captions.rouge import rouge_l
from earthgptx.evaluation.captions.tokens import tokenise
from earthgptx.evaluation.intervals import Statistic
from earthgptx.evaluation.tally import Tally


def add_caption_scores(
    tally: Tally, said: Sequence[str], references: Sequence[Sequence[str]], java: bool
) -> None:
    """Scores of captions against their references.

    Args:
        tally: gets the scores: 0..1, CIDEr-D 0..10. Intervals of CIDEr-D keep the weights of
            words as the whole set gives them; METEOR and SPICE have none.
        said: the captions; "" where nothing was said.
        references: at least one each.
        java: also run METEOR and SPICE, which take seconds to start.
    """
    candidates = [tokenise(text) for text in said]
    true = [[tokenise(reference) for reference in group] for group in references]
    pairs = list(zip(candidates, true, strict=True))
    statistics_NK = np.stack([bleu_statistics(c, group) for c, group in pairs])
    for length in range(LONGEST):
        tally.of_sums(f"BLEU-{length + 1}", statistics_NK, _bleu(length))
    tally.mean("ROUGE-L", [rouge_l(c, group) for c, group in pairs])
    tally.mean("CIDEr-D", cider_d(candidates, true))
    if java:
        tally.put("METEOR", meteor(candidates, true))
        tally.put("SPICE", spice(candidates, true))


def _bleu(length: int) -> Statistic:
    def statistic(sums_K: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return bleu_of_sums(sums_K)[..., length]

    return statistic
