"""True colour where a file tells it, else colour infrared, else the first three; and it is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.imagery.band_meaning import BandMeaning, band_meanings
from earthgptx.imagery.channels import Channels, choose_channels, shown_as_stored
from earthgptx.imagery.display import to_display
from earthgptx.imagery.header import open_with_gdal
from earthgptx.imagery.modality import Modality
from earthgptx.imagery.read import read_image
from tests.earthgptx.imagery.files import tiff

RNG = np.random.default_rng(3)


def meant(*names: str, wavelengths_um: tuple[float, ...] = ()) -> tuple[BandMeaning, ...]:
    data = tiff(
        np.ones((len(names), 2, 2), "u2"),
        names,
        wavelengths_um=wavelengths_um,
        photometric="minisblack",
    )
    with open_with_gdal(data, "GTiff") as dataset:
        return band_meanings(dataset, range(1, len(names) + 1))


def shown(channels: Channels) -> tuple[int, ...]:
    """Numbers (from 1) of the bands shown as red, green and blue."""
    return tuple(channels.bands[place] + 1 for place in channels.channel_of)


@pytest.mark.parametrize(
    ("names", "numbers", "note"),
    [
        (("blue", "green", "red", "nir"), (3, 2, 1), "bands 3, 2, 1 of 4 as red, green, blue"),
        (
            ("swir", "green", "red", "nir"),
            (4, 3, 2),
            "false colour: red band 4 (nir), green band 3 (red), blue band 2 (green)",
        ),
        (
            ("nir", "red", "green"),
            (1, 2, 3),
            "false colour: red band 1 (nir), green band 2 (red), blue band 3 (green)",
        ),
        (
            ("B01", "B02", "B03"),
            (1, 2, 3),
            "false colour: red band 1 (coastal), green band 2 (blue), blue band 3 (green)",
        ),
        (
            ("nir", "depth", ""),
            (1, 2, 3),
            "false colour: red band 1 (nir), green band 2 (depth), blue band 3",
        ),
        (("a", "b", "c"), (1, 2, 3), ""),
        (("", "", "", ""), (1, 2, 3), "bands 1, 2, 3 of 4 as red, green, blue"),
        (("alpha", "", "", ""), (2, 3, 4), "bands 2, 3, 4 of 4 as red, green, blue"),
        (("nir", "red"), (1, 1, 1), "band 1 (nir) of 2 as grey"),
    ],
)
def test_optical_bands_are_chosen_by_their_roles(
    names: tuple[str, ...], numbers: tuple[int, ...], note: str
) -> None:
    for modality in ("optical", None):
        channels = choose_channels(meant(*names), "u2", modality)
        assert shown(channels) == numbers
        assert "; ".join(channels.notes) == note


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (("VH", "VV"), (2, 1, 2)),
        (("VV", "VH", "angle"), (1, 2, 1)),
        (("HH", "HV", "VH", "VV"), (4, 3, 4)),
        (("HV", "HH"), (2, 1, 2)),
        (("", ""), (1, 2, 1)),
        (("a", "b", "c"), (1, 2, 3)),
    ],
)
def test_the_like_polarisation_is_red_and_blue_the_crossed_one_green(
    names: tuple[str, ...], numbers: tuple[int, ...]
) -> None:
    assert shown(choose_channels(meant(*names), "f4", "sar")) == numbers


def test_of_a_camera_of_both_kinds_infrared_is_the_thermal_band() -> None:
    four = RNG.integers(0, 255, (4, 30, 30), dtype=np.uint8)
    names = ("red", "green", "blue", "LWIR")
    image = read_image(tiff(four, names, photometric="minisblack"))
    infrared = to_display(image, "infrared")
    np.testing.assert_array_equal(infrared.pixels_HWC, np.stack([four[3]] * 3, axis=-1))
    assert infrared.band_note == "band 4 (thermal) of 4 as grey"
    np.testing.assert_array_equal(
        to_display(image, "optical").pixels_HWC, four[:3].transpose(1, 2, 0)
    )


def test_of_a_hundred_bands_those_nearest_to_the_usual_wavelengths_are_shown() -> None:
    lengths_um = tuple(np.linspace(0.4, 2.5, 106).round(3))
    channels = choose_channels(meant(*[""] * 106, wavelengths_um=lengths_um), "u2", "optical")
    chosen_um = [lengths_um[number - 1] for number in shown(channels)]
    assert chosen_um == pytest.approx([0.665, 0.560, 0.490], abs=0.0101)


def test_of_several_bands_of_a_role_the_plain_name_is_shown() -> None:
    names = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
    assert shown(choose_channels(meant(*names), "u2", None)) == (6, 4, 2)


def test_only_what_no_modality_changes_is_shown_as_stored() -> None:
    assert shown_as_stored(meant(""), "u1") and not shown_as_stored(meant(""), "u2")
    assert shown_as_stored(meant("red", "green", "blue"), "u1")
    for names in (("blue", "green", "red"), ("nir", "red", "green"), ("", ""), ("a", "b", "LWIR")):
        assert not shown_as_stored(meant(*names), "u1")


@given(
    st.lists(
        st.sampled_from(["", "red", "green", "blue", "nir", "LWIR", "alpha", "vv", "hv", "x"]),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["optical", "sar", "infrared", None]),
    st.sampled_from(["u1", "u2", "f4"]),
)
def test_whatever_bands_are_called_three_of_them_are_shown(
    names: list[str], modality: Modality | None, dtype: str
) -> None:
    meanings = meant(*names)
    channels = choose_channels(meanings, dtype, modality)
    assert all(1 <= number <= len(names) for number in shown(channels))
    assert list(channels.bands) == sorted(set(channels.bands))
    roles = [meanings[number - 1].role for number in shown(channels)]
    if {"red", "green", "blue"} <= set(names) and modality in ("optical", None):
        assert roles == ["red", "green", "blue"]
    if "alpha" in roles:
        assert set(names) == {"alpha"}
