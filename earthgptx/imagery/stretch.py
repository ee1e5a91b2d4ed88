"""Values as measured to 8 bits, between percentiles of the whole image; radar in decibels.

Fitted once and applied to all parts, so that the tiles of one scene look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.read import ValidHW

# Percentiles of the valid values that become black and white.
_OPTICAL_RANGE = (2.0, 98.0)
_THERMAL_RANGE = (1.0, 99.0)
_SAR_RANGE = (1.0, 99.0)
# Percentiles are taken over about so many pixels, evenly spread.
_SAMPLE_PIXELS = 1_000_000


@dataclass(frozen=True)
class Stretch:
    """How values become 8 bits.

    Attributes:
        ranges: values (decibels for radar) that become 0 and 255: one pair for all bands, or one
            for each; none at all: 8-bit values stay as they are.
        note: what is done, in words; empty if nothing.
        decibels_per_decade: 10 for powers, 20 for amplitudes; 0: values are used as they are.
        smallest: what values below it are taken for before the logarithm.
    """

    ranges: tuple[tuple[float, float], ...] = ()
    note: str = ""
    decibels_per_decade: float = 0.0
    smallest: float = 1.0

    def apply(self, bands_CHW: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The bands [C, H, W] in 8 bits."""
        if not self.ranges:
            return bands_CHW
        ranges = self.ranges if len(self.ranges) > 1 else self.ranges * len(bands_CHW)
        stretched_CHW = np.empty(bands_CHW.shape, np.uint8)
        for index, (low, high) in enumerate(ranges):
            stretched_CHW[index] = _between(self.scaled(bands_CHW[index]), low, high)
        return stretched_CHW

    def scaled(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The values, in decibels where that is wanted."""
        floats = values.astype(np.float32)
        if not self.decibels_per_decade:
            return floats
        decibels = self.decibels_per_decade * np.log10(np.maximum(floats, self.smallest))
        return decibels.astype(np.float32, copy=False)


def fit_stretch(
    bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None, modality: str | None
) -> Stretch:
    """The stretch of an image; 8-bit values stay as they are.

    Args:
        bands_CHW: the bands that are shown.
        valid_HW: where there is data; None where everywhere.
        modality: "sar" gives one range for each polarisation (they differ by much), in decibels;
            all others one for all colours (hue stays).
    """
    if bands_CHW.dtype == np.uint8:
        return Stretch()
    unit, what = "", "values"
    unscaled = Stretch()
    if modality == "sar":
        unscaled, what = _decibels(bands_CHW, valid_HW)
        unit = " dB"
    share = {"sar": _SAR_RANGE, "infrared": _THERMAL_RANGE}.get(
        modality or "optical", _OPTICAL_RANGE
    )
    sample = unscaled.scaled(_valid_sample(bands_CHW, valid_HW))
    groups = sample if modality == "sar" else [sample]
    ranges = tuple(_percentiles(group, share) for group in groups)
    spans = ", ".join(f"{low:.4g} to {high:.4g}{unit}" for low, high in ranges)
    shares = f"percentiles {share[0]:g} to {share[1]:g}"
    note = f"{what} {spans} ({shares}) shown as black to white"
    return Stretch(ranges, note, unscaled.decibels_per_decade, unscaled.smallest)


def _decibels(bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None) -> tuple[Stretch, str]:
    """How radar values become decibels, and that in words.

    Whole numbers are amplitudes; floats are powers, or already decibels if any is negative.
    Zeros, which have no logarithm, become the smallest positive value.
    """
    is_float = bands_CHW.dtype.kind == "f"
    if is_float and (bands_CHW < 0).any():
        return Stretch(), "radar values, taken for decibels,"
    positive = bands_CHW > 0 if valid_HW is None else (bands_CHW > 0) & valid_HW
    smallest = float(bands_CHW[positive].min()) if positive.any() else 1.0
    factor = 10.0 if is_float else 20.0
    what = f"radar {'power' if is_float else 'amplitude'} in decibels"
    return Stretch(decibels_per_decade=factor, smallest=smallest), what


def _percentiles(
    values: npt.NDArray[np.float32], share: tuple[float, float]
) -> tuple[float, float]:
    low, high = np.percentile(values, share)
    return float(low), float(high)


def _valid_sample(bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None) -> npt.NDArray[Any]:
    """Valid values of about a million pixels: [C, N]."""
    sample = evenly_sampled(bands_CHW)
    if valid_HW is None:
        return sample.reshape(len(bands_CHW), -1)
    seen = evenly_sampled(valid_HW[None])[0]
    # The few valid pixels of a mostly empty image may all lie between those sampled.
    return sample[:, seen] if seen.any() else bands_CHW[:, valid_HW]


def evenly_sampled(bands_CHW: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every n-th pixel of [C, H, W], so that about a million a band are left."""
    step = max(1, int((bands_CHW[0].size / _SAMPLE_PIXELS) ** 0.5))
    return bands_CHW[:, ::step, ::step]


def _between(values: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.uint8]:
    """Low to 0, high to 255; mid-grey if they are the same."""
    if high <= low:
        return np.full(values.shape, 127, np.uint8)
    scaled = (values - low) * (255.0 / (high - low))
    rounded: npt.NDArray[np.uint8] = np.rint(scaled).clip(0, 255).astype(np.uint8)
    return rounded
