"""Measured bands become what the model sees, and it is said how."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from earthgptx.imagery.display import to_display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import inspect_image
from earthgptx.imagery.modality import Modality, check_modality
from earthgptx.imagery.read import Raster, read_image
from tests.earthgptx.imagery.files import encode, scene, tiff

RNG = np.random.default_rng(11)


def raster(bands_CHW: Any, names: tuple[str, ...] = (), **profile: Any) -> Raster:
    return read_image(tiff(np.asarray(bands_CHW), names, **profile))


def test_eight_bits_pass_unchanged_and_say_nothing() -> None:
    pixels = scene()
    shown = to_display(read_image(encode(pixels, "PNG")), "optical")
    np.testing.assert_array_equal(shown.pixels_HWC, pixels)
    assert shown.band_note == ""
    modalities: tuple[Modality | None, ...] = ("sar", "infrared", None)
    for modality in modalities:
        grey = to_display(read_image(encode(pixels[..., 0], "PNG")), modality)
        np.testing.assert_array_equal(grey.pixels_HWC, np.repeat(pixels[..., :1], 3, axis=2))
        assert grey.band_note == ""


def test_grey_in_three_channels_passes_as_radar() -> None:
    grey = np.repeat(scene()[..., :1], 3, axis=2)
    for modality in ("sar", "infrared"):
        np.testing.assert_array_equal(
            to_display(read_image(encode(grey, "PNG")), modality).pixels_HWC, grey
        )


def test_deep_optical_values_are_stretched_alike_in_all_colours() -> None:
    bands = RNG.normal(3000, 400, (3, 80, 90)).clip(0, 65535).astype("u2")
    bands[1] += 1000
    shown = to_display(raster(bands), "optical")
    low, high = np.percentile(bands, (2, 98))
    expected = np.rint((bands - low) * 255 / (high - low)).clip(0, 255)
    assert np.abs(shown.pixels_HWC.transpose(2, 0, 1) - expected).max() <= 1
    assert "percentiles 2 to 98" in shown.band_note
    assert to_display(raster(bands), None).band_note == shown.band_note


def test_bands_named_as_colours_are_found() -> None:
    bands = RNG.integers(0, 256, (5, 20, 20), dtype=np.uint8)
    named = to_display(raster(bands, ("B02", "B03", "B04", "B08", "B11")), "optical")
    np.testing.assert_array_equal(named.pixels_HWC, bands[[2, 1, 0]].transpose(1, 2, 0))
    assert named.band_note == "bands 3, 2, 1 of 5 as red, green, blue"
    plain = to_display(raster(bands, photometric="minisblack"), None)
    np.testing.assert_array_equal(plain.pixels_HWC, bands[:3].transpose(1, 2, 0))
    assert plain.band_note == "bands 1, 2, 3 of 5 as red, green, blue"
    two = to_display(raster(bands[:2]), "optical")
    np.testing.assert_array_equal(two.pixels_HWC[..., 2], bands[0])
    assert two.band_note == "band 1 of 2 as grey"


def test_radar_power_is_shown_in_decibels() -> None:
    decibels = np.linspace(-30, 0, 6400).reshape(1, 80, 80)
    power = to_display(raster((10 ** (decibels / 10)).astype("f4")), "sar")
    amplitude = to_display(raster((10 ** (decibels / 20 + 3)).astype("u2")), "sar")
    already = to_display(raster(decibels.astype("f4")), "sar")
    assert "power in decibels -29.7 to -0.3 dB" in power.band_note
    assert "amplitude in decibels" in amplitude.band_note
    assert "taken for decibels" in already.band_note
    for shown in (power, amplitude, already):
        low, high = np.percentile(decibels, (1, 99))
        expected = ((decibels[0] - low) * 255 / (high - low)).clip(0, 255)
        assert np.abs(shown.pixels_HWC[..., 0] - expected).max() <= 3


def test_two_radar_bands_become_a_false_colour_picture() -> None:
    bands = RNG.gamma(1.0, 0.1, (2, 40, 40)).astype("f4")
    shown = to_display(raster(bands, ("VV", "VH")), "sar")
    assert shown.band_note.startswith(
        "false colour: red band 1 (vv), green band 2 (vh), blue band 1 (vv)"
    )
    np.testing.assert_array_equal(shown.pixels_HWC[..., 0], shown.pixels_HWC[..., 2])
    assert (shown.pixels_HWC[..., 0] != shown.pixels_HWC[..., 1]).any()


def test_zero_radar_power_is_black_and_not_an_error() -> None:
    bands = np.ones((1, 20, 20), "f4")
    bands[0, :5] = 0
    bands[0, 5:10] = 0.01
    shown = to_display(raster(bands), "sar").pixels_HWC
    assert shown[:10].max() == 0 and shown[10:].min() == 255


def test_thermal_values_are_stretched_from_1_to_99() -> None:
    kelvin = RNG.normal(290, 10, (1, 60, 60)).astype("f4")
    shown = to_display(raster(kelvin), "infrared")
    assert "percentiles 1 to 99" in shown.band_note and "dB" not in shown.band_note


def test_nodata_neither_counts_nor_shows() -> None:
    bands = RNG.normal(1000, 50, (1, 50, 50)).astype("f4")
    whole = to_display(raster(bands), "optical")
    bands[0, :10] = -32768
    holed = to_display(raster(bands, nodata=-32768), "optical")
    assert not holed.pixels_HWC[:10].any()
    assert np.abs(holed.pixels_HWC[10:].astype(int) - whole.pixels_HWC[10:]).mean() < 8
    assert "without data are black" in holed.band_note


def test_a_flat_image_is_mid_grey() -> None:
    assert (to_display(raster(np.full((1, 9, 9), 500, "u2")), None).pixels_HWC == 127).all()


@pytest.mark.parametrize("modality", ["sar", "infrared"])
def test_a_colour_picture_is_no_radar_or_thermal_image(modality: Modality) -> None:
    for image_format in ("PNG", "JPEG"):
        with pytest.raises(ImageryError) as caught:
            to_display(read_image(encode(scene(), image_format)), modality)
        assert caught.value.field == "modality" and "say optical" in caught.value.message


@pytest.mark.parametrize("modality", ["sar", "infrared"])
def test_many_bands_are_no_radar_or_thermal_image_by_the_header_alone(modality: Modality) -> None:
    header = inspect_image(tiff(np.ones((5, 4, 4), "u2")))
    with pytest.raises(ImageryError) as caught:
        check_modality(header, modality)
    assert (caught.value.field, caught.value.limit) == ("modality", f"4 bands for {modality}")
    check_modality(header, "optical")
    check_modality(header, None)


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(ImageryError, match="modality"):
        check_modality(inspect_image(encode(scene(), "PNG")), "lidar")  # type: ignore[arg-type]
