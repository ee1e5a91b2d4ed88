"""From bands as measured to the three 8-bit channels the model looks at.

What was decided is said in words (``band_note``), because an answer about an image can only be
judged by who knows what was shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.read import Raster

Modality = Literal["optical", "sar", "infrared"]
MODALITIES: tuple[Modality, ...] = ("optical", "sar", "infrared")

# Radar and thermal sensors deliver a few polarisations or one band, not a spectrum.
MAX_BANDS_NOT_OPTICAL = 4
# Percentiles of the valid values that become black and white.
_OPTICAL_RANGE = (2.0, 98.0)
_THERMAL_RANGE = (1.0, 99.0)
_SAR_RANGE = (1.0, 99.0)
# Percentiles are taken over about so many pixels, evenly spread.
_SAMPLE_PIXELS = 1_000_000
# A pixel is coloured if its channels differ by more than JPEG makes of grey; an image is, if this
# share of its pixels are.
_COLOURED_BY = 16
_COLOURED_SHARE = 0.01
_RGB_NAMES = (("red", "b4", "b04"), ("green", "b3", "b03"), ("blue", "b2", "b02"))


@dataclass(frozen=True)
class Display:
    """What is shown to the model.

    Attributes:
        pixels_HWC: uint8 [H, W, 3]; 0 where there is no data.
        band_note: how bands became these channels; empty if they were used as they are.
    """

    pixels_HWC: npt.NDArray[np.uint8]
    band_note: str


def check_modality(image: Raster | ImageHeader, modality: Modality | None) -> None:
    """Refuses an image that cannot be what it is said to be.

    Args:
        image: from the header alone only bands can be counted; pixels also tell colour.
        modality: what the sensor saw; None (not known) fits every image.

    Raises:
        ImageryError: an unknown modality, more than 4 bands, or a colour picture, said to be of
            radar or thermal infrared (field "modality").
    """
    if modality is None or modality == "optical":
        return
    if modality not in MODALITIES:
        raise ImageryError("modality", f"{modality!r} is none", ", ".join(MODALITIES))
    header = image.header if isinstance(image, Raster) else image
    if header.band_count > MAX_BANDS_NOT_OPTICAL:
        raise ImageryError(
            "modality",
            f"is {modality}, but the image has {header.band_count} bands; say optical",
            f"{MAX_BANDS_NOT_OPTICAL} bands for {modality}",
        )
    if isinstance(image, Raster) and _is_coloured(image.bands_CHW):
        raise ImageryError(
            "modality",
            f"is {modality}, but the image is a colour picture; say optical, or give one band",
            f"grey for {modality}",
        )


def _is_coloured(bands_CHW: npt.NDArray[Any]) -> bool:
    if len(bands_CHW) < 3 or bands_CHW.dtype != np.uint8:
        return False
    sample = _sample(bands_CHW[:3]).astype(np.int16)
    return bool((np.ptp(sample, axis=0) > _COLOURED_BY).mean() > _COLOURED_SHARE)


def to_display(raster: Raster, modality: Modality | None) -> Display:
    """The three channels the model looks at.

    8-bit images of 1 or 3 bands pass unchanged (grey three times). Of more bands three are chosen:
    red, green and blue by the bands' names, else the first three. Deeper values are stretched
    between percentiles of the whole image, radar in decibels; two radar bands become a false
    colour picture (first, second, first).

    Args:
        raster: the image.
        modality: what the sensor saw; None is treated as optical.

    Raises:
        ImageryError: the image cannot be of that modality (field "modality").
    """
    check_modality(raster, modality)
    chosen, notes = _choose_bands(raster, modality)
    bands_CHW = (
        raster.bands_CHW
        if chosen == list(range(len(raster.bands_CHW)))
        else (raster.bands_CHW[sorted(set(chosen))])
    )
    channel_of = [sorted(set(chosen)).index(band) for band in chosen]
    if bands_CHW.dtype != np.uint8:
        bands_CHW, note = _stretch(bands_CHW, raster.valid_HW, modality)
        notes.append(note)
    if raster.note:
        notes.insert(0, raster.note)
    pixels_HWC = np.empty((*bands_CHW.shape[1:], 3), np.uint8)
    for channel in range(3):
        pixels_HWC[..., channel] = bands_CHW[channel_of[channel % len(channel_of)]]
    if raster.valid_HW is not None:
        pixels_HWC[~raster.valid_HW] = 0
        notes.append("pixels without data are black")
    return Display(pixels_HWC, "; ".join(notes))


def _choose_bands(raster: Raster, modality: Modality | None) -> tuple[list[int], list[str]]:
    """Indices of the bands for the channels (one, or three), and a note if that was a choice."""
    count = len(raster.bands_CHW)
    if count == 1:
        return [0], []
    if modality == "sar" and count == 2:
        first, second = (name or f"band {i}" for i, name in enumerate(raster.band_names, start=1))
        return [0, 1, 0], [f"false colour: red {first}, green {second}, blue {first}"]
    if count == 2 or modality == "infrared":
        if count == 3 and raster.bands_CHW.dtype == np.uint8:
            return [0, 1, 2], []
        return [0], [f"band 1 of {count} as grey"]
    named = [_named_band(raster.band_names, names) for names in _RGB_NAMES]
    found = modality != "sar" and None not in named and len(set(named)) == 3
    chosen = [band for band in named if band is not None] if found else [0, 1, 2]
    if count == 3 and chosen == [0, 1, 2]:
        return chosen, []
    numbers = ", ".join(str(band + 1) for band in chosen)
    return chosen, [f"bands {numbers} of {count} as red, green, blue"]


def _named_band(band_names: tuple[str, ...], names: tuple[str, ...]) -> int | None:
    return next((i for i, name in enumerate(band_names) if name in names), None)


def _stretch(
    bands_CHW: npt.NDArray[Any], valid_HW: npt.NDArray[np.bool_] | None, modality: str | None
) -> tuple[npt.NDArray[np.uint8], str]:
    """Values to 8 bits between two percentiles, and what was done."""
    values_CHW = bands_CHW.astype(np.float32)
    unit, what = "", "values"
    if modality == "sar":
        values_CHW, what = _to_decibels(values_CHW, valid_HW, bands_CHW.dtype.kind == "f")
        unit = " dB"
    percentiles = {"sar": _SAR_RANGE, "infrared": _THERMAL_RANGE}.get(
        modality or "optical", _OPTICAL_RANGE
    )
    # One range for each radar polarisation (they differ by much), one for all colours (hue stays).
    groups = [values_CHW[i : i + 1] for i in range(len(values_CHW))]
    ranges = [
        _range(group, valid_HW, percentiles)
        for group in (groups if modality == "sar" else [values_CHW])
    ]
    stretched = [
        _between(group, *ranges[min(i, len(ranges) - 1)]) for i, group in enumerate(groups)
    ]
    spans = ", ".join(f"{low:.4g} to {high:.4g}{unit}" for low, high in ranges)
    share = f"percentiles {percentiles[0]:g} to {percentiles[1]:g}"
    return np.concatenate(stretched), f"{what} {spans} ({share}) shown as black to white"


def _to_decibels(
    values_CHW: npt.NDArray[np.float32], valid_HW: npt.NDArray[np.bool_] | None, is_float: bool
) -> tuple[npt.NDArray[np.float32], str]:
    """Radar values in decibels.

    Whole numbers are amplitudes; floats are powers, or already decibels if any is negative.
    Zeros, which have no logarithm, become the smallest positive value.
    """
    if is_float and (values_CHW < 0).any():
        return values_CHW, "radar values, taken for decibels,"
    positive = values_CHW > 0 if valid_HW is None else (values_CHW > 0) & valid_HW
    smallest = values_CHW[positive].min() if positive.any() else np.float32(1)
    factor = 10.0 if is_float else 20.0
    decibels = factor * np.log10(np.maximum(values_CHW, smallest))
    return decibels.astype(np.float32), f"radar {'power' if is_float else 'amplitude'} in decibels"


def _range(
    values_CHW: npt.NDArray[np.float32],
    valid_HW: npt.NDArray[np.bool_] | None,
    percentiles: tuple[float, float],
) -> tuple[float, float]:
    sample = _sample(values_CHW)
    if valid_HW is not None:
        seen = _sample(valid_HW[None])[0]
        # The few valid pixels of a mostly empty image may all lie between those sampled.
        sample = sample[:, seen] if seen.any() else values_CHW[:, valid_HW]
    low, high = np.percentile(sample, percentiles)
    return float(low), float(high)


def _sample(bands_CHW: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every n-th pixel of [C, H, W], so that about a million a band are left."""
    step = max(1, int((bands_CHW[0].size / _SAMPLE_PIXELS) ** 0.5))
    return bands_CHW[:, ::step, ::step]


def _between(values_CHW: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.uint8]:
    """Low to 0, high to 255; mid-grey if they are the same."""
    if high <= low:
        return np.full(values_CHW.shape, 127, np.uint8)
    scaled = (values_CHW - low) * (255.0 / (high - low))
    rounded: npt.NDArray[np.uint8] = np.rint(scaled).clip(0, 255).astype(np.uint8)
    return rounded
