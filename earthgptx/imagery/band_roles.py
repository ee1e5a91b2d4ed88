"""What a band measured, told from what a file says of it: its name, its wavelength, its colour.

They are believed in this order. GDAL's colour interpretation comes last: of three 8-bit bands the
GTiff driver says red, green and blue whatever they are, and of ENVI's it says what the file wants
shown. Where it contradicts a name or a wavelength it is about the screen, and counts for nothing.

Wavelengths as in STAC's EO extension (common band names), near infrared as in GDAL's
``GDALColorInterp`` from where red edge ends, thermal as there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

BandRole = Literal[
    "coastal", "blue", "green", "red", "red edge", "nir", "swir", "thermal", "pan", "alpha",
    "hh", "hv", "vh", "vv",
]  # fmt: skip

# Compounds before the colours in them: what has been understood is taken out of the name.
_SPOKEN: tuple[tuple[BandRole, str], ...] = (
    ("red edge", r"red ?edge ?\d*"),
    ("coastal", r"coastal( ?blue| ?aerosol)?|(ultra|deep) ?blue"),
    ("thermal", r"(thermal|long ?wave|mid ?wave)( ?infra ?red| ir)?|(tirs?|lwir|mwir)\d*"),
    ("thermal", r"((brightness|surface) )?temperature"),
    ("swir", r"swir ?\d*|short ?wave( ?infra ?red| ir)?"),
    ("nir", r"n?nir ?\d*|near ?(infra ?red|ir)"),
    ("pan", r"pan(chromatic)?"),
    ("alpha", r"alpha"),
    *((role, role) for role in ("hh", "hv", "vh", "vv", "red", "green", "blue")),
)
_SPOKEN_IN_WORDS = tuple((role, re.compile(rf"\b({words})\b")) for role, words in _SPOKEN)
# Made from bands, or about them.
_DERIVED = re.compile(r"\b(index|mask|qa|quality|ratio|difference|ndvi|ndwi)\b")

# From, up to and without, in micrometres.
_WAVELENGTHS_UM: tuple[tuple[BandRole, float, float], ...] = (
    ("coastal", 0.40, 0.45),
    ("blue", 0.45, 0.50),
    ("green", 0.50, 0.60),
    ("red", 0.60, 0.70),
    ("red edge", 0.70, 0.79),
    ("nir", 0.79, 1.00),
    ("swir", 1.40, 3.00),
    ("thermal", 3.00, 15.0),
)

# "b4" is red to Sentinel-2 and to Landsat 8 and 9, which part ways at the fifth.
_NUMBERED: dict[str, BandRole] = {"1": "coastal", "2": "blue", "3": "green", "4": "red"}
_NUMBERED_BY_SENTINEL_2: dict[str, BandRole] = {
    **_NUMBERED,
    **dict.fromkeys(("5", "6", "7"), "red edge"),
    **dict.fromkeys(("8", "8a"), "nir"),
    **dict.fromkeys(("11", "12"), "swir"),
}
_SENTINEL_2_ALONE_HAS = {"b08", "b8a", "b12"}
_NUMBER = re.compile(r"b0?([1-9][0-9]?a?)")

_RASTERIO_WORDS: dict[str, BandRole] = {
    "rededge": "red edge",
    **dict.fromkeys(("mwir", "lwir", "tir"), "thermal"),
}
_RGB: tuple[BandRole, ...] = ("red", "green", "blue")


def band_roles(
    names: Sequence[str],
    wavelengths_um: Sequence[float | None],
    interpretations: Sequence[str],
) -> tuple[BandRole | None, ...]:
    """The role of each band; None where the file does not tell one.

    Args:
        names: as the file calls its bands; "" where it is silent.
        wavelengths_um: centres of the bands in micrometres; None where not known.
        interpretations: rasterio's names of the bands' colour interpretations ("red", "nir", ...).

    Returns:
        As many as there are names.
    """
    interpreted = [_interpreted(word) for word in interpretations]
    numbered = _numbered(names)
    if _counts_places(names) and set(_RGB) <= set(interpreted):
        numbered = [None] * len(names)
    told = [
        _spoken(name) or _of_wavelength(wavelength_um) or number
        for name, wavelength_um, number in zip(names, wavelengths_um, numbered, strict=True)
    ]
    if any(a and b and a != b for a, b in zip(told, interpreted, strict=True)):
        return tuple(told)
    return tuple(a or b for a, b in zip(told, interpreted, strict=True))


def _spoken(name: str) -> BandRole | None:
    """The one role that is said in words; None where several are ("nir / red")."""
    words = " ".join(re.findall("[a-z0-9]+", name.lower()))
    if _DERIVED.search(words):
        return None
    found: set[BandRole] = set()
    for role, spoken in _SPOKEN_IN_WORDS:
        words, times = spoken.subn("", words)
        if times:
            found.add(role)
    return found.pop() if len(found) == 1 else None


def _of_wavelength(wavelength_um: float | None) -> BandRole | None:
    if wavelength_um is None:
        return None
    return next((role for role, low, high in _WAVELENGTHS_UM if low <= wavelength_um < high), None)


def _numbered(names: Sequence[str]) -> list[BandRole | None]:
    """Roles of bands named "b4" or "B04" after their number at the sensor."""
    lower = [name.strip().lower() for name in names]
    roles = _NUMBERED if _SENTINEL_2_ALONE_HAS.isdisjoint(lower) else _NUMBERED_BY_SENTINEL_2
    found = (_NUMBER.fullmatch(name) for name in lower)
    return [roles.get(number[1]) if number else None for number in found]


def _counts_places(names: Sequence[str]) -> bool:
    """Whether "b1", "b2", ... say no more than which band comes first."""
    return all(name.strip().lower() == f"b{place}" for place, name in enumerate(names, start=1))


def _interpreted(word: str) -> BandRole | None:
    if word in _RASTERIO_WORDS:
        return _RASTERIO_WORDS[word]
    return next((role for role in get_args(BandRole) if role == word), None)
