"""CIDEr-D (Vedantam et al., "CIDEr", CVPR 2015): runs of 1 to 4 words, sigma 6, times 10.

A run of words weighs the less, the more of the evaluated images' references have it, so a score
depends on the whole set: it says little for a few images and is 0 for one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from earthgptx.evaluation.captions.ngrams import LONGEST, NgramCounts, count_ngrams

SIGMA = 6.0
_SCALE = 10.0


@dataclass(frozen=True)
class _Weighted:
    """A caption as tf-idf vectors, one for each length of run."""

    weights: tuple[dict[tuple[str, ...], float], ...]
    norms: tuple[float, ...]
    # Counted in pairs of words, as in the reference implementation.
    pairs: int


def cider_d(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> list[float]:
    """One score a caption; their mean is the set's CIDEr-D.

    Args:
        candidates: words of each caption.
        references: words of the references of each; at least one each.
    """
    counted = [[count_ngrams(reference) for reference in group] for group in references]
    documents: Counter[tuple[str, ...]] = Counter()
    for group in counted:
        documents.update({run for counts in group for run in counts})
    log_images = math.log(max(len(candidates), 1))

    def weighted(counts: NgramCounts) -> _Weighted:
        weights: tuple[dict[tuple[str, ...], float], ...] = tuple({} for _ in range(LONGEST))
        for run, count in counts.items():
            rarity = log_images - math.log(max(documents[run], 1))
            weights[len(run) - 1][run] = count * rarity
        norms = tuple(math.sqrt(sum(w * w for w in part.values())) for part in weights)
        return _Weighted(weights, norms, sum(c for run, c in counts.items() if len(run) == 2))

    scores = []
    for candidate, group in zip(candidates, counted, strict=True):
        said = weighted(count_ngrams(candidate))
        likeness = [_likeness(said, weighted(reference)) for reference in group]
        scores.append(_SCALE * sum(likeness) / len(likeness))
    return scores


def _likeness(said: _Weighted, true: _Weighted) -> float:
    """Mean over lengths of run of a clipped cosine, damped by the difference in length."""
    total = 0.0
    for length in range(LONGEST):
        mine, theirs = said.weights[length], true.weights[length]
        shared = sum(min(w, theirs[run]) * theirs[run] for run, w in mine.items() if run in theirs)
        norm = said.norms[length] * true.norms[length]
        total += shared / norm if norm else 0.0
    return total / LONGEST * math.exp(-((said.pairs - true.pairs) ** 2) / (2 * SIGMA**2))
