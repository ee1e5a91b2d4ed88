"""BLEU-1 to BLEU-4 of a corpus (Papineni et al., "BLEU", ACL 2002).

Matches, lengths and the brevity penalty are summed over all captions before they are divided; a
caption's reference length is that of the nearest reference, the shorter of two equally near. A
mean of BLEUs of single captions is another measure. N captions, K statistics, ... any leading axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.captions.ngrams import LONGEST, count_ngrams

FloatArray = npt.NDArray[np.float64]
# Guards of the reference implementation: no common run of four words scores next to 0, not 0.
_TINY, _SMALL = 1e-15, 1e-9


def bleu_statistics(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """What one caption adds to the sums: [K] = matches by length, runs by length, both lengths."""
    most: dict[tuple[str, ...], int] = {}
    for reference in references:
        for run, count in count_ngrams(reference).items():
            most[run] = max(most.get(run, 0), count)
    matched = [0] * LONGEST
    for run, count in count_ngrams(candidate).items():
        matched[len(run) - 1] += min(count, most.get(run, 0))
    runs = [max(len(candidate) - length, 0) for length in range(LONGEST)]
    nearest = min((abs(len(r) - len(candidate)), len(r)) for r in references)[1]
    return np.array([*matched, *runs, len(candidate), nearest], np.float64)


def bleu_of_sums(sums_K: FloatArray) -> FloatArray:
    """BLEU-1 to BLEU-4, [..., 4], of statistics summed over captions, [..., K]."""
    matched, runs = sums_K[..., :LONGEST], sums_K[..., LONGEST : 2 * LONGEST]
    lengths, wanted = sums_K[..., -2:-1], sums_K[..., -1:]
    precision = np.cumprod((matched + _TINY) / (runs + _SMALL), axis=-1)
    mean = precision ** (1.0 / np.arange(1, LONGEST + 1))
    ratio = (lengths + _TINY) / (wanted + _SMALL)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / np.maximum(ratio, _TINY)), 1.0)
    return np.asarray(mean * brevity)
