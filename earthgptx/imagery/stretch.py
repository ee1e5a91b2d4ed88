"""Values as measured to 8 bits, between percentiles of the whole image.

Radar in decibels, thermal values in degrees Celsius where the file says what its numbers mean.
Fitted once and applied to all parts, so that the tiles of one scene look alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.read import ValidHW
from earthgptx.imagery.temperature import TemperatureScale

# Percentiles of the valid values that become black and white.
_OPTICAL_RANGE = (2.0, 98.0)
_THERMAL_RANGE = (1.0, 99.0)
_SAR_RANGE = (1.0, 99.0)
# A scene of one temperature is noise between its percentiles, and noise shown from black to white
# looks like things. Over 10 K one of the 255 steps of grey is 0.04 K, about what an uncooled camera
# tells apart (a NETD of 0.05 K), and a person or an engine still stands out from the ground.
_LEAST_SPAN_K = 10.0
# Percentiles are taken over about so many pixels, evenly spread.
_SAMPLE_PIXELS = 1_000_000


@dataclass(frozen=True)
class Stretch:
    """How values become 8 bits.

    Attributes:
        ranges: values (decibels for radar, degrees Celsius for temperatures) that become 0 and 255:
            one pair for all bands, or one for each; none at all: 8-bit values stay as they are.
        note: what is done, in words; empty if nothing.
        decibels_per_decade: 10 for powers, 20 for amplitudes; 0: values are used as they are.
        smallest: what values below it are taken for before the logarithm.
        temperature: how values become degrees Celsius; None: they are used as they are.
    """

    ranges: tuple[tuple[float, float], ...] = ()
    note: str = ""
    decibels_per_decade: float = 0.0
    smallest: float = 1.0
    temperature: TemperatureScale | None = None

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
        """The values, in decibels or degrees Celsius where that is wanted."""
        if self.temperature is not None:
            return self.temperature.celsius(values)
        floats = values.astype(np.float32)
        if not self.decibels_per_decade:
            return floats
        decibels = self.decibels_per_decade * np.log10(np.maximum(floats, self.smallest))
        return decibels.astype(np.float32, copy=False)


def fit_stretch(
    bands_CHW: npt.NDArray[Any],
    valid_HW: ValidHW | None,
    modality: str | None,
    temperature: TemperatureScale | None = None,
) -> Stretch:
    """The stretch of an image; 8-bit values stay as they are.

    Args:
        bands_CHW: the bands that are shown.
        valid_HW: where there is data; None where everywhere.
        modality: "sar" gives one range for each polarisation (they differ by much), in decibels;
            all others one for all colours (hue stays).
        temperature: what the file says its values mean; shown over 10 K at least. None, and where
            no temperatures come of it: as stored, without a least span.
    """
    if bands_CHW.dtype == np.uint8:
        return Stretch()
    if modality == "sar":
        return _radar_stretch(bands_CHW, valid_HW)
    sample = _valid_sample(bands_CHW, valid_HW)
    doubt = ""
    if temperature is not None:
        range_c = _celsius_range(sample, temperature)
        if temperature.plausible(*range_c):
            return _thermal_stretch(*range_c, temperature)
        doubt = f"; not as temperatures: {temperature.in_words(*range_c)}"
    share = _THERMAL_RANGE if modality == "infrared" else _OPTICAL_RANGE
    low, high = _percentiles(sample.astype(np.float32), share)
    return Stretch(((low, high),), _shown("values", [(low, high)], share) + doubt)


def _radar_stretch(bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None) -> Stretch:
    unscaled, what = _decibels(bands_CHW, valid_HW)
    sample = unscaled.scaled(_valid_sample(bands_CHW, valid_HW))
    ranges = tuple(_percentiles(band, _SAR_RANGE) for band in sample)
    return replace(unscaled, ranges=ranges, note=_shown(what, ranges, _SAR_RANGE, " dB"))


def _celsius_range(stored: npt.NDArray[Any], temperature: TemperatureScale) -> tuple[float, float]:
    # Of infinite temperatures the percentiles are not numbers: told, not warned of.
    with np.errstate(invalid="ignore"):
        return _percentiles(temperature.celsius(stored), _THERMAL_RANGE)


def _thermal_stretch(low_c: float, high_c: float, temperature: TemperatureScale) -> Stretch:
    """Between the percentiles, or around their middle where they are too near each other."""
    wider_c = max(0.0, _LEAST_SPAN_K - (high_c - low_c)) / 2
    low_c, high_c = low_c - wider_c, high_c + wider_c
    how = f"percentiles {_THERMAL_RANGE[0]:g} to {_THERMAL_RANGE[1]:g}"
    if wider_c:
        how += f", widened to {_LEAST_SPAN_K:g} K"
    note = f"thermal {low_c:.1f} to {high_c:.1f} degC ({how}) shown as black to white"
    return Stretch(((low_c, high_c),), note, temperature=temperature)


def _shown(
    what: str, ranges: Sequence[tuple[float, float]], share: tuple[float, float], unit: str = ""
) -> str:
    spans = ", ".join(f"{low:.4g} to {high:.4g}{unit}" for low, high in ranges)
    return f"{what} {spans} (percentiles {share[0]:g} to {share[1]:g}) shown as black to white"


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
