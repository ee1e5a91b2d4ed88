"""What files say of their bands is read from them as they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from earthgptx.imagery.band_meaning import BandMeaning, band_meanings
from earthgptx.imagery.read import read_image
from earthgptx.imagery.temperature import TemperatureScale
from tests.earthgptx.imagery.files import encode, scene, tiff

ENVI = """ENVI
samples = 4
lines = 4
bands = 3
header offset = 0
file type = ENVI Standard
data type = 12
interleave = bsq
byte order = 0
map info = {UTM, 1, 1, 390000, 5820000, 10, 10, 33, North, WGS-84}
default bands = {1, 2, 3}
"""


def envi(folder: Path, *lines: str) -> tuple[BandMeaning, ...]:
    (folder / "a.hdr").write_text(ENVI + "\n".join(lines) + "\n")
    np.ones((3, 4, 4), "u2").tofile(folder / "a.dat")
    with rasterio.open(folder / "a.dat", driver="ENVI") as dataset:
        return band_meanings(dataset, (1, 2, 3))


def test_a_geotiff_tells_roles_wavelengths_and_temperatures() -> None:
    meanings = read_image(
        tiff(
            np.ones((4, 5, 5), "u2"),
            ("", "B7", "Heat", "Swath"),
            wavelengths_um=(0.842, 0.665),
            said={
                "colorinterp": [
                    ColorInterp.undefined,
                    ColorInterp.undefined,
                    ColorInterp.tir,
                    ColorInterp.undefined,
                ],
                "units": ["", "", "K", "m"],
                "scales": [1, 1, 0.01, 1],
                "offsets": [0, 0, 5, 0],
            },
            photometric="minisblack",
        )
    ).band_meanings
    assert meanings == (
        BandMeaning("nir", "nir", 0.842),
        BandMeaning("b7", "red", 0.665),
        BandMeaning("heat", "thermal", None, TemperatureScale(True, 0.01, 5)),
        BandMeaning("swath"),
    )


def test_pictures_tell_their_colours_and_grey_tells_nothing() -> None:
    roles = [meaning.role for meaning in read_image(encode(scene(), "PNG")).band_meanings]
    assert roles == ["red", "green", "blue"]
    assert read_image(encode(scene()[..., 0], "JPEG")).band_meanings == (BandMeaning(),)


@pytest.mark.parametrize(
    ("unit", "wavelengths"),
    [
        ("Nanometers", "842, 665, 560"),
        ("Micrometers", "0.842, 0.665, 0.56"),
        ("Unknown", "842, 0.665, 560"),
    ],
)
def test_wavelengths_of_an_envi_header_win_over_the_bands_it_wants_shown(
    unit: str, wavelengths: str, tmp_path: Path
) -> None:
    meanings = envi(
        tmp_path, f"wavelength units = {unit}", f"wavelength = {{{wavelengths}}}"
    )  # fmt: skip
    assert [meaning.role for meaning in meanings] == ["nir", "red", "green"]
    assert [meaning.wavelength_um for meaning in meanings] == pytest.approx([0.842, 0.665, 0.56])


@pytest.mark.parametrize(
    "lines",
    [
        ("wavelength units = Wavenumber", "wavelength = {842, 665, 560}"),
        ("wavelength units = Nanometers", "wavelength = {nan, -665, much}"),
        ("wavelength units = Nanometers", "wavelength = {inf, 0, }"),
    ],
)
def test_what_is_no_wavelength_tells_nothing(lines: tuple[str, str], tmp_path: Path) -> None:
    meanings = envi(tmp_path, *lines)
    assert [meaning.wavelength_um for meaning in meanings] == [None] * 3
    # The header's default bands are all that is left.
    assert [meaning.role for meaning in meanings] == ["red", "green", "blue"]
