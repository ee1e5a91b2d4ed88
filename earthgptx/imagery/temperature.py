"""Values that a file says are temperatures, in degrees Celsius."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_KELVIN_OF_ZERO_C = 273.15
# Absolute zero, with room for its rounding; above all that thermal cameras are made for.
_COLDEST_C, _HOTTEST_C = -273.2, 3000.0
# Beyond this a number in a header is a slip, and so is a scale below one millionth.
_LARGEST = 1e6
_UNIT = re.compile(r"(?:(?:°|º|deg(?:ree)?s?)[ _]?)?(k|kelvins?|c|celsius|centigrade)")


@dataclass(frozen=True)
class TemperatureScale:
    """How the stored values of a band become temperatures: ``stored * scale + offset``.

    Attributes:
        kelvin: whether that is in kelvin; else in degrees Celsius.
        scale: as the file says it, be it usable or not; 0.01 with 16 bits makes centikelvin.
        offset: likewise.
    """

    kelvin: bool
    scale: float = 1.0
    offset: float = 0.0

    def celsius(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Degrees Celsius, of any shape; not finite where scale and offset make no such number."""
        celsius = stored.astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            celsius *= np.float64(self.scale)
            celsius += np.float64(self.offset - (_KELVIN_OF_ZERO_C if self.kelvin else 0.0))
        return celsius

    def plausible(self, low_c: float, high_c: float) -> bool:
        """Whether values from here to there can be temperatures that a thermal sensor saw.

        False where scale (1e-6 to 1e6, of either sign) or offset (to 1e6) are a slip, or where the
        range lies below absolute zero, above 3000 degrees Celsius, or is not a number.
        """
        scaled = 1 / _LARGEST <= abs(self.scale) <= _LARGEST and abs(self.offset) <= _LARGEST
        return scaled and _COLDEST_C <= low_c <= high_c <= _HOTTEST_C

    def in_words(self, low_c: float, high_c: float) -> str:
        """What the file says and what would come of it."""
        unit = "K" if self.kelvin else "degC"
        return (
            f"by the file's scale {self.scale:g}, offset {self.offset:g} and unit {unit} they "
            f"would be {low_c:.4g} to {high_c:.4g} degC"
        )


def temperature_scale(unit: str | None, scale: float, offset: float) -> TemperatureScale | None:
    """How a band's values become temperatures; None where its unit is none of temperature.

    Args:
        unit: as the file says it: "K", "Kelvin", "degC", "°C", "celsius", "C" and the like.
        scale: of GDAL's band, used or not; see ``TemperatureScale``.
        offset: likewise.
    """
    found = _UNIT.fullmatch(unit.strip().lower()) if unit else None
    return TemperatureScale(found[1].startswith("k"), scale, offset) if found else None
