"""From bands as measured to the three 8-bit channels the model looks at.

What was decided is said in words (``band_note``), because an answer about an image can only be
judged by who knows what was shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.channels import Channels, choose_channels
from earthgptx.imagery.modality import Modality, check_modality
from earthgptx.imagery.read import Raster, ValidHW
from earthgptx.imagery.stretch import Stretch, fit_stretch

# Goes up when an image that could be shown before may be shown otherwise: what is remembered of
# images (features, parts cut from scenes) is remembered under it.
DISPLAY_VERSION = 2


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


def to_display(raster: Raster, modality: Modality | None) -> Display:
    """The three channels the model looks at.

    8-bit values pass unchanged (grey three times). Of several bands three are chosen by what the
    file says they measured (``earthgptx.imagery.channels``): true colour, else colour infrared,
    else the first three; two radar bands become a false colour picture (first, second, first).
    Deeper values are stretched between percentiles of the whole image, radar in decibels,
    temperatures over 10 K at least (``earthgptx.imagery.stretch``).

    Args:
        raster: the image.
        modality: what the sensor saw; None is treated as optical.

    Raises:
        ImageryError: the image cannot be of that modality (field "modality").
    """
    check_modality(raster, modality)
    channels = choose_channels(raster.band_meanings, raster.bands_CHW.dtype, modality)
    bands_CHW = raster.bands_CHW
    if channels.bands != tuple(range(len(bands_CHW))):
        bands_CHW = bands_CHW[list(channels.bands)]
    stretch = fit_stretch(bands_CHW, raster.valid_HW, modality, channels.temperature)
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
