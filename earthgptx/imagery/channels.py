"""Which bands are shown as red, green and blue.

Model and reader know true colour best; next the colour infrared of aerial cameras (near infrared,
red and green shown as red, green and blue), in which plants are red. Of radar the like
polarisation is shown as red and blue, the crossed one as green.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.band_meaning import BandMeaning
from earthgptx.imagery.band_roles import BandRole
from earthgptx.imagery.modality import MODALITIES, Modality
from earthgptx.imagery.temperature import TemperatureScale

Meanings = Sequence[BandMeaning]

_TRUE_COLOUR: tuple[BandRole, ...] = ("red", "green", "blue")
# The first whose bands are all there.
_OPTICAL: tuple[tuple[BandRole, ...], ...] = (_TRUE_COLOUR, ("nir", "red", "green"))
_COMPOSITES: dict[Modality | None, tuple[tuple[BandRole, ...], ...]] = {
    None: _OPTICAL,
    "optical": _OPTICAL,
    "infrared": (("thermal",),),
    "sar": (("vv", "vh", "vv"), ("hh", "hv", "hh")),
}
# Sentinel-2's bands 4, 3, 2 and 8: of a hundred green bands the one nearest to its is shown.
_USUAL_UM: dict[BandRole, float] = {"red": 0.665, "green": 0.560, "blue": 0.490, "nir": 0.842}


@dataclass(frozen=True)
class Channels:
    """Which bands are shown, and where.

    Attributes:
        bands: indices (from 0) of the bands that are needed, ascending.
        channel_of: for red, green and blue the place in ``bands``.
        notes: what was chosen, in words; empty if there was no choice.
        temperature: how the values of the one band that is shown become temperatures; None where
            several are, or the file does not say.
    """

    bands: tuple[int, ...]
    channel_of: tuple[int, int, int]
    notes: tuple[str, ...] = ()
    temperature: TemperatureScale | None = None


def choose_channels(
    meanings: Meanings, dtype: npt.DTypeLike, modality: Modality | None
) -> Channels:
    """The bands to show, by their number and what the file says of them.

    Args:
        meanings: one for each band.
        dtype: of their elements.
        modality: what the sensor saw; None is treated as optical.
    """
    chosen = told_composite(meanings, modality) or _untold(meanings, np.dtype(dtype), modality)
    note = _note(chosen, meanings)
    return channels_of(chosen, meanings, (note,) if note else ())


def channels_of(chosen: Sequence[int], meanings: Meanings, notes: tuple[str, ...]) -> Channels:
    """These bands as channels.

    Args:
        chosen: indices of the bands shown as red, green and blue, or of the one shown as grey.
        meanings: one for each band of the image.
        notes: what was chosen, in words.
    """
    bands = sorted(set(chosen))
    red, green, blue = (bands.index(chosen[channel % len(chosen)]) for channel in range(3))
    temperature = meanings[bands[0]].temperature if len(bands) == 1 else None
    return Channels(tuple(bands), (red, green, blue), notes, temperature)


def shown_as_stored(meanings: Meanings, dtype: npt.DTypeLike) -> bool:
    """Whether nothing is chosen, left out or stretched, whatever the modality is said to be."""
    return np.dtype(dtype) == np.uint8 and not any(
        choose_channels(meanings, dtype, modality).notes for modality in MODALITIES
    )


def told_composite(meanings: Meanings, modality: Modality | None) -> tuple[int, ...] | None:
    """Indices of the bands for red, green and blue, or for grey, by their roles.

    None where the file does not tell the roles that it takes.
    """
    for roles in _COMPOSITES[modality]:
        bands = [_band_of(role, meanings) for role in roles]
        found = tuple(band for band in bands if band is not None)
        if len(found) == len(roles):
            return found
    return None


def _band_of(role: BandRole, meanings: Meanings) -> int | None:
    """Of several the one at the usual wavelength, else the one that bears the plain name."""

    def preference(band: int) -> tuple[float, bool, int]:
        wavelength_um = meanings[band].wavelength_um or math.inf
        return abs(wavelength_um - _USUAL_UM.get(role, 0.0)), meanings[band].name != role, band

    return min((i for i, m in enumerate(meanings) if m.role == role), key=preference, default=None)


def _untold(
    meanings: Meanings, dtype: np.dtype[np.generic], modality: Modality | None
) -> tuple[int, ...]:
    """What is shown where the roles do not say it."""
    usable = tuple(i for i, m in enumerate(meanings) if m.role != "alpha") or (0,)
    if modality == "sar" and len(usable) == 2:
        return usable[0], usable[1], usable[0]
    grey_picture = len(usable) == 3 and dtype == np.uint8
    if len(usable) < 3 or (modality == "infrared" and not grey_picture):
        return usable[:1]
    return usable[:3]


def _note(chosen: tuple[int, ...], meanings: Meanings) -> str:
    """The choice in words; empty if there was none."""
    count = len(meanings)
    if len(chosen) == 1:
        return "" if count == 1 else f"{_told(chosen[0], meanings)} of {count} as grey"
    roles = [meanings[band].role for band in chosen]
    if tuple(roles) != _TRUE_COLOUR and (any(roles) or len(set(chosen)) < len(chosen)):
        shown = zip(_TRUE_COLOUR, chosen, strict=True)
        return "false colour: " + ", ".join(f"{c} {_told(band, meanings)}" for c, band in shown)
    if chosen == tuple(range(count)):
        return ""
    numbers = ", ".join(str(band + 1) for band in chosen)
    return f"bands {numbers} of {count} as red, green, blue"


def _told(band: int, meanings: Meanings) -> str:
    meaning = meanings[band]
    called = meaning.role or meaning.name
    return f"band {band + 1}" + (f" ({called})" if called else "")
