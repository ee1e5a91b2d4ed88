"""What a file says of each of its bands: what it measured, and what its values stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import rasterio

from earthgptx.imagery.band_roles import BandRole, band_roles
from earthgptx.imagery.temperature import TemperatureScale, temperature_scale

_UM_OF_UNIT = {
    **dict.fromkeys(("nanometers", "nanometer", "nm"), 1e-3),
    **dict.fromkeys(("micrometers", "micrometer", "um", "µm", "microns"), 1.0),
}
# Of a number without a unit: no camera sees 100 micrometres or 100 nanometres.
_UM_UP_TO = 100.0


@dataclass(frozen=True)
class BandMeaning:
    """What a file says of a band; as it stands, nothing.

    Attributes:
        name: the file's own lower-case words, else the role; "" where it is silent.
        role: what the band measured; None where that is not told.
        wavelength_um: its centre in micrometres; None where that is not told.
        temperature: how stored values become temperatures; None where they are not said to be.
    """

    name: str = ""
    role: BandRole | None = None
    wavelength_um: float | None = None
    temperature: TemperatureScale | None = None


RED_GREEN_BLUE = (
    BandMeaning("red", "red"),
    BandMeaning("green", "green"),
    BandMeaning("blue", "blue"),
)


def band_meanings(
    dataset: rasterio.DatasetReader, numbers: Sequence[int]
) -> tuple[BandMeaning, ...]:
    """What an open file says of its bands; no pixel is read.

    Args:
        dataset: the file.
        numbers: of the bands (from 1).
    """
    # rasterio asks all bands anew at every look at one of these.
    described, interpreted = dataset.descriptions, dataset.colorinterp
    units, scales, offsets = dataset.units, dataset.scales, dataset.offsets
    names = [(described[n - 1] or "").strip().lower() for n in numbers]
    wavelengths_um = [_wavelength_um(dataset, n) for n in numbers]
    roles = band_roles(names, wavelengths_um, [interpreted[n - 1].name for n in numbers])
    temperatures = [temperature_scale(units[n - 1], scales[n - 1], offsets[n - 1]) for n in numbers]
    return tuple(
        BandMeaning(name or role or "", role, wavelength_um, temperature)
        for name, role, wavelength_um, temperature in zip(
            names, roles, wavelengths_um, temperatures, strict=True
        )
    )


def _wavelength_um(dataset: rasterio.DatasetReader, number: int) -> float | None:
    """From GDAL's IMAGERY domain, else from the tags that ENVI's headers leave behind."""
    told = dataset.tags(number, ns="IMAGERY").get("CENTRAL_WAVELENGTH_UM")
    if told is not None:
        return _length_um(told, "um")
    tags = {key.lower(): text for key, text in dataset.tags(number).items()}
    return _length_um(tags.get("wavelength", ""), tags.get("wavelength_units", ""))


def _length_um(number: str, unit: str) -> float | None:
    try:
        length = float(number)
    except ValueError:
        return None
    if not (math.isfinite(length) and length > 0):
        return None
    unit = unit.strip().lower()
    if unit in ("", "unknown"):
        return length if length < _UM_UP_TO else length / 1000
    # ENVI also counts in gigahertz, in wavenumbers and in places.
    return length * _UM_OF_UNIT[unit] if unit in _UM_OF_UNIT else None
