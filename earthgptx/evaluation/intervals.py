"""95 % intervals by bootstrap over images, with a fixed seed.

Questions about one image are drawn together: they are not independent of each other.
N samples, K statistics a sample, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
# Sums of per-sample statistics [..., K] to a score [...].
Statistic = Callable[[FloatArray], FloatArray]
Interval = tuple[float, float]

RESAMPLES = 1000
_SEED = 0
_PERCENT = (2.5, 97.5)


class Resamples:
    """The same draws for every score of a set of samples."""

    def __init__(self, images: Sequence[str]) -> None:
        """Draws.

        Args:
            images: name of the image of each sample; not empty.
        """
        names, of_sample = np.unique(np.asarray(images), return_inverse=True)
        rng = np.random.default_rng(_SEED)
        drawn_RI = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
        self._weights_RN = drawn_RI[:, of_sample].astype(np.float64)

    def interval(self, statistics_NK: FloatArray, statistic: Statistic) -> Interval:
        """Ends of the interval of a score of sums; draws that do not define it are left out."""
        values_R = statistic(self._weights_RN @ statistics_NK)
        defined = values_R[np.isfinite(values_R)]
        low, high = np.percentile(defined, _PERCENT) if defined.size else (math.nan, math.nan)
        return float(low), float(high)


def ratio_of_sums(sums: FloatArray) -> FloatArray:
    """First statistic over the second; not a number where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def wilson_interval(right: int, total: int) -> Interval:
    """Ends of the 95 % interval of a share (Wilson 1927); (0, 1) for no samples."""
    if total == 0:
        return 0.0, 1.0
    z = 1.959964
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total)
    half *= math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(centre - half, 0.0), min(centre + half, 1.0)
