"""Numbers become temperatures where a file says how, and only where these can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.imagery.display import Display, to_display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.read import read_image
from earthgptx.imagery.temperature import TemperatureScale, temperature_scale
from tests.earthgptx.imagery.files import tiff

RNG = np.random.default_rng(5)


def show(
    bands_CHW: np.ndarray, unit: str, scale: float = 1, offset: float = 0, **profile: object
) -> Display:
    count = len(bands_CHW)
    said = {"units": [unit] * count, "scales": [scale] * count, "offsets": [offset] * count}
    return to_display(read_image(tiff(bands_CHW, said=said, **profile)), "infrared")


@pytest.mark.parametrize(
    "unit", ["K", "Kelvin", " kelvins", "degK", "deg K", "°K", "degree_kelvin"]
)
def test_kelvin_is_understood(unit: str) -> None:
    assert temperature_scale(unit, 0.01, 1) == TemperatureScale(True, 0.01, 1)


@pytest.mark.parametrize("unit", ["C", "degC", "°C", "Celsius", "degrees Celsius", "centigrade"])
def test_degrees_celsius_are_understood(unit: str) -> None:
    assert temperature_scale(unit, 1, 0) == TemperatureScale(False)


@pytest.mark.parametrize("unit", [None, "", "m", "dB", "W/m2/K", "counts", "degrees", "kg", "F"])
def test_other_units_are_no_temperatures(unit: str | None) -> None:
    assert temperature_scale(unit, 1, 0) is None


@pytest.mark.parametrize(
    ("stored", "unit", "scale", "offset"),
    [
        (lambda c: (c + 273.15).astype("f4"), "K", 1, 0),
        (lambda c: c.astype("f4"), "degC", 1, 0),
        (lambda c: ((c + 273.15) * 100).round().astype("u2"), "Kelvin", 0.01, 0),
        (lambda c: (c * 100).round().astype("i2"), "°C", 0.01, 0),
        (lambda c: ((c + 273.15 - 149) / 0.00341802).round().astype("u2"), "K", 0.00341802, 149),
        (lambda c: (-c * 100).round().astype("i2"), "C", -0.01, 0),
    ],
)
def test_one_scene_looks_alike_however_its_temperatures_are_stored(
    stored: object, unit: str, scale: float, offset: float
) -> None:
    celsius = np.linspace(10, 40, 3600).reshape(1, 60, 60)
    shown = show(stored(celsius), unit, scale, offset)  # type: ignore[operator]
    assert (
        shown.band_note == "thermal 10.3 to 39.7 degC (percentiles 1 to 99) shown as black to white"
    )
    low, high = np.percentile(celsius, (1, 99))
    expected = ((celsius[0] - low) * 255 / (high - low)).clip(0, 255)
    assert np.abs(shown.pixels_HWC[..., 0] - expected).max() <= 1


def test_the_noise_of_a_scene_of_one_temperature_stays_faint() -> None:
    kelvin = RNG.normal(285.15, 0.05, (1, 80, 80)).astype("f4")
    shown = show(kelvin, "K")
    assert shown.band_note == (
        "thermal 7.0 to 17.0 degC (percentiles 1 to 99, widened to 10 K) shown as black to white"
    )
    assert np.ptp(shown.pixels_HWC) < 20
    # Without a unit nobody knows what is little.
    assert np.ptp(show(kelvin, "").pixels_HWC) == 255
    kelvin[0, 20:23, 20:22] += 12
    assert show(kelvin, "K").pixels_HWC[20:23, 20:22].min() == 255
    assert (show(np.full((1, 9, 9), 290, "f4"), "K").pixels_HWC == 128).all()


def test_eight_bits_stay_as_they_are_whatever_their_unit() -> None:
    bands = RNG.integers(0, 256, (1, 20, 20), dtype=np.uint8)
    shown = show(bands, "degC")
    np.testing.assert_array_equal(shown.pixels_HWC[..., 0], bands[0])
    assert shown.band_note == ""


@pytest.mark.parametrize(
    ("unit", "scale", "offset", "told"),
    [
        ("K", 0, 290, "scale 0, offset 290 and unit K they would be 16.85 to 16.85 degC"),
        ("K", float("nan"), 0, "scale nan"),
        ("K", 1, float("inf"), "offset inf"),
        ("K", 1e308, 0, "scale 1e+308"),
        ("K", 1e-60, 290, "scale 1e-60"),
        # Centikelvin whose scale was left out.
        ("K", 1, 0, "would be 2.773e+04 to 3.07e+04 degC"),
        ("degC", 0.01, -600, "would be -320 to -290.3 degC"),
    ],
)
def test_numbers_that_make_no_temperatures_are_shown_as_stored(
    unit: str, scale: float, offset: float, told: str
) -> None:
    stored = np.linspace(27_970, 31_000, 3600).reshape(1, 60, 60).astype("u2")
    shown = show(stored, unit, scale, offset)
    assert shown.band_note.startswith("values 2.8e+04 to 3.097e+04 (percentiles 1 to 99)")
    assert "; not as temperatures: by the file's" in shown.band_note and told in shown.band_note
    np.testing.assert_array_equal(shown.pixels_HWC, show(stored, "").pixels_HWC)


def test_floats_beyond_all_temperatures_are_shown_as_stored() -> None:
    stored = np.linspace(-3e38, 3e38, 400).reshape(1, 20, 20).astype("f4")
    with np.errstate(over="ignore"):
        assert "not as temperatures" in show(stored, "K", 1e6).band_note


def test_gaps_neither_count_as_temperatures_nor_show() -> None:
    celsius = np.linspace(10, 40, 3600).reshape(1, 60, 60)
    kelvin = (celsius + 273.15).astype("f4")
    kelvin[0, :6] = np.nan
    with pytest.raises(ImageryError, match="NaN"):
        show(kelvin, "K")
    holed = show(kelvin, "K", nodata=float("nan"))
    assert holed.band_note.startswith("thermal 13.3 to 39.7 degC")
    assert not holed.pixels_HWC[:6].any()
    centi = (celsius * 100 + 27_315).round().astype("u2")
    centi[0, :6] = 0
    assert show(centi, "K", 0.01, nodata=0).band_note == holed.band_note


def test_radar_and_colour_composites_have_no_temperature() -> None:
    bands = RNG.uniform(280, 300, (3, 20, 20)).astype("f4")
    data = tiff(bands, said={"units": ["K"] * 3})
    assert "thermal" not in to_display(read_image(data), "optical").band_note
    assert "dB" in to_display(read_image(tiff(bands[:1], said={"units": ["K"]})), "sar").band_note
    # What is shown of them as grey is a temperature.
    assert "thermal" in to_display(read_image(data), "infrared").band_note


@given(st.floats(-80, 900), st.floats(0, 400), st.floats(0.001, 0.1), st.booleans(), st.booleans())
def test_the_shown_range_spans_10_kelvin_and_warmer_is_never_darker(
    coldest_c: float, span_k: float, scale: float, kelvin: bool, falling: bool
) -> None:
    celsius = np.linspace(coldest_c, coldest_c + span_k, 100)
    scale = -scale if falling else scale
    offset = 30.0 + (273.15 if kelvin else 0)
    stored = ((celsius - 30) / scale).astype("f4").reshape(1, 10, 10)
    shown = show(stored, "K" if kelvin else "C", scale, offset)
    low_c, high_c = (float(shown.band_note.split()[place]) for place in (1, 3))
    assert high_c - low_c >= 9.89
    grey = shown.pixels_HWC[..., 0].ravel().astype(int)
    assert (np.diff(grey) >= 0).all()
    assert np.abs(grey - ((celsius - low_c) / (high_c - low_c) * 255).clip(0, 255)).max() <= 4
