"""Scores being gathered: each with its value, its interval, and what every sample contributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.intervals import (
    Interval,
    Resamples,
    Statistic,
    ratio_of_sums,
    wilson_interval,
)

# A score that cannot be computed here, with the reason: {"unavailable": why}.
Unavailable = dict[str, str]
Score = float | Unavailable


@dataclass
class Tally:
    """Scores of one list of samples.

    Attributes:
        resamples: draws for intervals; None leaves intervals out.
        scores: by name, 0..1 unless the metric says otherwise.
        intervals: ends of the 95 % interval, by name.
        each: what each sample scored, by name, in the order of the samples.
    """

    resamples: Resamples | None = None
    scores: dict[str, Score] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    each: dict[str, list[float]] = field(default_factory=dict)

    def put(self, name: str, value: Score) -> None:
        """A score as it is, without interval."""
        self.scores[name] = value

    def mean(self, name: str, values: Sequence[float] | npt.NDArray[np.float64]) -> None:
        """The mean over samples."""
        values_N = np.asarray(values, np.float64)
        self.each[name] = values_N.tolist()
        self.ratio(name, values_N, np.ones_like(values_N))

    def share(self, name: str, right: Sequence[bool]) -> None:
        """A mean of yes and no; its interval is the wider of bootstrap and Wilson's.

        Where all samples agree the bootstrap has no width at all.
        """
        self.mean(name, np.asarray(right, np.float64))
        if name in self.intervals:
            low, high = self.intervals[name]
            wilson = wilson_interval(sum(right), len(right))
            self.intervals[name] = (min(low, wilson[0]), max(high, wilson[1]))

    def ratio(
        self,
        name: str,
        numerators: npt.NDArray[np.float64],
        denominators: npt.NDArray[np.float64],
        otherwise: float = 0.0,
    ) -> None:
        """Sum over sum; ``otherwise`` where there is nothing to divide by."""
        self.of_sums(name, np.stack([numerators, denominators], 1), ratio_of_sums, otherwise)

    def of_sums(
        self,
        name: str,
        statistics_NK: npt.NDArray[np.float64],
        statistic: Statistic,
        otherwise: float = 0.0,
    ) -> None:
        """A score of the sums of what samples contribute."""
        value = float(statistic(statistics_NK.sum(axis=0)))
        self.scores[name] = value if np.isfinite(value) else otherwise
        if self.resamples is not None:
            interval = self.resamples.interval(statistics_NK, statistic)
            if np.isfinite(interval[0]):
                self.intervals[name] = interval
