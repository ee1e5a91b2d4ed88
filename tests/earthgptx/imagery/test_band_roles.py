"""What a band measured is told from names, wavelengths and colour interpretation, in this order."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from earthgptx.imagery.band_roles import BandRole, band_roles


def of_names(*names: str) -> tuple[BandRole | None, ...]:
    return band_roles(names, [None] * len(names), ["undefined"] * len(names))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Red", "red"),
        ("Band 4 - Red (665.0 Nanometers)", "red"),
        ("vis-red", "red"),
        ("Red Edge 1", "red edge"),
        ("RedEdge-717", "red edge"),
        ("coastal_blue", "coastal"),
        ("green_i", "green"),
        ("NIR1", "nir"),
        ("nir08", "nir"),
        ("Near Infrared", "nir"),
        ("SWIR 2", "swir"),
        ("LWIR11", "thermal"),
        ("surface temperature", "thermal"),
        ("Panchromatic", "pan"),
        ("Sigma0_VV_db", "vv"),
        ("alpha", "alpha"),
        ("Band 4", None),
        ("NIR / Red", None),
        ("red mask", None),
        ("NDVI", None),
        ("Redding", None),
        ("", None),
    ],
)
def test_names_in_words_are_understood(name: str, role: BandRole | None) -> None:
    assert of_names(name) == (role,)


@pytest.mark.parametrize(
    ("wavelength_um", "role"),
    [
        (0.443, "coastal"),
        (0.490, "blue"),
        (0.560, "green"),
        (0.665, "red"),
        (0.705, "red edge"),
        (0.842, "nir"),
        (1.375, None),
        (1.61, "swir"),
        (10.9, "thermal"),
        (0.2, None),
        (40.0, None),
    ],
)
def test_wavelengths_are_understood(wavelength_um: float, role: BandRole | None) -> None:
    assert band_roles([""], [wavelength_um], ["undefined"]) == (role,)


def test_numbers_up_to_4_are_those_of_sentinel_2_and_landsat_8() -> None:
    assert of_names("B02", "b3", "B4", "B5", "B10") == ("blue", "green", "red", None, None)
    # Only Sentinel-2 has these: what they stand for is then known of the others too.
    assert of_names("B4", "B5", "B8A") == ("red", "red edge", "nir")
    assert of_names("B08", "B04", "B03", "B10") == ("nir", "red", "green", None)
    # Of MODIS band 4 is green.
    assert of_names("sur_refl_b04") == (None,)


def test_numbers_that_only_count_places_give_way_to_the_colours_of_the_file() -> None:
    names = ("B1", "B2", "B3", "B4")
    told = band_roles(names, [None] * 4, ("red", "green", "blue", "undefined"))
    assert told == ("red", "green", "blue", None)
    assert of_names(*names) == ("coastal", "blue", "green", "red")


def test_colour_interpretation_speaks_where_the_file_is_silent_otherwise() -> None:
    words = ("gray", "red", "green", "blue", "nir", "rededge", "swir", "tir", "pan", "coastal")
    told = (None, "red", "green", "blue", "nir", "red edge", "swir", "thermal", "pan", "coastal")
    assert band_roles([""] * 10, [None] * 10, words) == told
    assert band_roles(["", "", "NIR"], [None] * 3, ["red", "green", "undefined"]) == (
        "red",
        "green",
        "nir",
    )


def test_colour_interpretation_that_contradicts_is_about_the_screen() -> None:
    rgb = ("red", "green", "blue")
    assert band_roles(["NIR", "", ""], [None] * 3, rgb) == ("nir", None, None)
    assert band_roles([""] * 3, [0.842, 0.665, 0.56], rgb) == ("nir", "red", "green")


def test_a_name_is_believed_before_a_wavelength() -> None:
    assert band_roles(["nir", "x"], [0.56, 0.56], ["undefined"] * 2) == ("nir", "green")


@given(
    st.lists(
        st.tuples(
            st.text("abdegilnprstuvwBN0148 -_/°µ", max_size=20)
            | st.sampled_from(["red", "B08", "nir green", "b4", "vv"]),
            st.none() | st.floats(),
            st.sampled_from([meaning.name for meaning in ColorInterp]),
        ),
        max_size=6,
    )
)
def test_whatever_a_file_says_each_band_gets_a_known_role_or_none(
    said: list[tuple[str, float | None, str]],
) -> None:
    columns = [list(column) for column in zip(*said, strict=True)] or [[], [], []]
    roles = band_roles(*columns)
    assert len(roles) == len(said)
    assert all(role is None or role in get_args(BandRole) for role in roles)
