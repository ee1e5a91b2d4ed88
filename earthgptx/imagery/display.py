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
from earthgptx.imagery.read import Raster, ValidHW
from earthgptx.imagery.stretch import Stretch, evenly_sampled, fit_stretch

Modality = Literal["optical", "sar", "infrared"]
MODALITIES: tuple[Modality, ...] = ("optical", "sar", "infrared")

# Radar and thermal sensors deliver a few polarisations or one band, not a spectrum.
MAX_BANDS_NOT_OPTICAL = 4
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
        valid_HW: where there is data; None where everywhere.
    """

    pixels_HWC: npt.NDArray[np.uint8]
    band_note: str
    valid_HW: ValidHW | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes of the memory."""
        return self.pixels_HWC.nbytes + (0 if self.valid_HW is None else self.valid_HW.nbytes)


@dataclass(frozen=True)
class Channels:
    """Which bands are shown, and where.

    Attributes:
        bands: indices (from 0) of the bands that are needed, ascending.
        channel_of: for red, green and blue the place in ``bands``.
        notes: what was chosen, in words; empty if there was no choice.
    """

    bands: tuple[int, ...]
    channel_of: tuple[int, int, int]
    notes: tuple[str, ...] = ()


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
    sample = evenly_sampled(bands_CHW[:3]).astype(np.int16)
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
    channels = choose_channels(raster.band_names, raster.bands_CHW.dtype, modality)
    bands_CHW = raster.bands_CHW
    if channels.bands != tuple(range(len(bands_CHW))):
        bands_CHW = bands_CHW[list(channels.bands)]
    stretch = fit_stretch(bands_CHW, raster.valid_HW, modality)
    return Display(
        show(bands_CHW, raster.valid_HW, channels, stretch),
        display_note(channels, stretch, raster.note, has_gaps=raster.valid_HW is not None),
        raster.valid_HW,
    )


def show(
    bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None, channels: Channels, stretch: Stretch
) -> npt.NDArray[np.uint8]:
    """Bands as the three channels, by rules that were made before.

    Args:
        bands_CHW: the bands ``channels.bands``, of the image or of a part of it.
        valid_HW: where there is data; None where everywhere.
        channels: which band is shown where.
        stretch: how values become 8 bits.

    Returns:
        uint8 [H, W, 3]; 0 where there is no data.
    """
    stretched_CHW = stretch.apply(bands_CHW)
    pixels_HWC = np.empty((*bands_CHW.shape[1:], 3), np.uint8)
    for channel, band in enumerate(channels.channel_of):
        pixels_HWC[..., channel] = stretched_CHW[band]
    if valid_HW is not None:
        pixels_HWC[~valid_HW] = 0
    return pixels_HWC


def display_note(channels: Channels, stretch: Stretch, read_note: str, *, has_gaps: bool) -> str:
    """What was done, in words; empty if the bands were used as they are."""
    gaps = "pixels without data are black" if has_gaps else ""
    return "; ".join(filter(None, (read_note, *channels.notes, stretch.note, gaps)))


def choose_channels(
    band_names: tuple[str, ...], dtype: npt.DTypeLike, modality: Modality | None
) -> Channels:
    """The bands to show, by their number and names.

    Args:
        band_names: one for each band, "" where the file is silent.
        dtype: of their elements.
        modality: what the sensor saw; None is treated as optical.
    """
    chosen, notes = _choose_bands(band_names, np.dtype(dtype), modality)
    bands = sorted(set(chosen))
    red, green, blue = (bands.index(chosen[channel % len(chosen)]) for channel in range(3))
    return Channels(tuple(bands), (red, green, blue), tuple(notes))


def _choose_bands(
    band_names: tuple[str, ...], dtype: np.dtype[Any], modality: Modality | None
) -> tuple[list[int], list[str]]:
    """Indices of the bands for the channels (one, or three), and a note if that was a choice."""
    count = len(band_names)
    if count == 1:
        return [0], []
    if modality == "sar" and count == 2:
        first, second = (name or f"band {i}" for i, name in enumerate(band_names, start=1))
        return [0, 1, 0], [f"false colour: red {first}, green {second}, blue {first}"]
    if count == 2 or modality == "infrared":
        if count == 3 and dtype == np.uint8:
            return [0, 1, 2], []
        return [0], [f"band 1 of {count} as grey"]
    named = named_colours(band_names) if modality != "sar" else None
    chosen = list(named or (0, 1, 2))
    if count == 3 and chosen == [0, 1, 2]:
        return chosen, []
    numbers = ", ".join(str(band + 1) for band in chosen)
    return chosen, [f"bands {numbers} of {count} as red, green, blue"]


def named_colours(band_names: tuple[str, ...]) -> tuple[int, int, int] | None:
    """Indices of the bands that are named red, green and blue; None unless all three are."""
    found = [
        next((i for i, name in enumerate(band_names) if name in names), None)
        for names in _RGB_NAMES
    ]
    red, green, blue = found
    if red is None or green is None or blue is None or len(set(found)) < 3:
        return None
    return red, green, blue
