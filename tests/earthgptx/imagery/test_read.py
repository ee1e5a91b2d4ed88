"""Files become bands, or are refused by name before they can do harm."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageLimits, inspect_image
from earthgptx.imagery.read import read_image
from tests.earthgptx.imagery.files import UTM_10M, encode, north_up, png_header, scene, tiff


def refused(data: bytes, limits: ImageLimits | None = None) -> ImageryError:
    with pytest.raises(ImageryError) as caught:
        read_image(data, limits)
    assert caught.value.field == "image"
    return caught.value


def test_a_png_is_read_as_it_is() -> None:
    pixels = scene()
    raster = read_image(encode(pixels, "PNG"))
    assert (raster.header.format, raster.header.band_dtype) == ("PNG", "uint8")
    assert (raster.header.width_px, raster.header.height_px, raster.header.band_count) == (
        60,
        40,
        3,
    )
    assert raster.valid_HW is None and raster.note == ""
    np.testing.assert_array_equal(raster.bands_CHW.transpose(1, 2, 0), pixels)


def test_grey_png_and_jpeg_have_one_band() -> None:
    for image_format in ("PNG", "JPEG"):
        raster = read_image(encode(scene()[..., 0], image_format))
        assert raster.bands_CHW.shape == (1, 40, 60)


@pytest.mark.parametrize("depth_bands", [1, 3])
def test_sixteen_bits_of_a_png_are_kept(depth_bands: int) -> None:
    import cv2

    deep = (np.arange(40 * 60 * depth_bands).reshape(40, 60, depth_bands) * 9 % 65536).astype("u2")
    data = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    raster = read_image(data)
    assert raster.header.band_dtype == "uint16"
    np.testing.assert_array_equal(raster.bands_CHW.transpose(1, 2, 0), deep)


def test_alpha_says_where_there_is_data() -> None:
    pixels = scene(bands=4)
    pixels[..., 3] = 255
    assert read_image(encode(pixels, "PNG")).valid_HW is None
    pixels[:10, :, 3] = 0
    raster = read_image(encode(pixels, "PNG"))
    assert raster.header.band_count == 3
    assert raster.valid_HW is not None and not raster.valid_HW[:10].any()
    assert raster.valid_HW[10:].all() and not raster.bands_CHW[:, :10].any()


def test_a_palette_becomes_its_colours_and_one_bit_black_and_white() -> None:
    palette = read_image(encode(scene(), "PNG", mode="P"))
    assert palette.bands_CHW.shape == (3, 40, 60) and "palette" in palette.note
    one_bit = read_image(encode(scene(), "PNG", mode="1"))
    assert set(np.unique(one_bit.bands_CHW)) == {0, 255} and "one bit" in one_bit.note
    bits = (scene()[None, ..., 0] > 127).astype(np.uint8)
    in_tiff = read_image(tiff(bits, nbits=1))
    assert in_tiff.bands_CHW.shape[0] == in_tiff.header.band_count
    np.testing.assert_array_equal(in_tiff.bands_CHW[:1], bits * 255)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_tiff_keeps_its_bands_and_element_type(dtype: str) -> None:
    bands = (np.arange(5 * 20 * 30).reshape(5, 20, 30) % 120).astype(dtype)
    raster = read_image(tiff(bands, names=("Red", "", "NIR")))
    assert (raster.header.format, raster.header.band_dtype) == ("TIFF", dtype)
    assert [m.name for m in raster.band_meanings] == ["red", "", "nir", "", ""]
    np.testing.assert_array_equal(raster.bands_CHW, bands)


def test_a_geotiff_tells_where_it_is_and_how_large_a_pixel_is() -> None:
    header = inspect_image(tiff(np.ones((1, 8, 9), "u2"), **UTM_10M))
    assert (header.format, header.crs, header.gsd_m) == ("GTiff", "EPSG:32633", 10.0)
    assert header.transform == (10, 0, 500_000, 0, -10, 5_400_000)
    degrees = {"crs": "EPSG:4326", "transform": north_up(0, 60, 1e-5)}
    # At 60 degrees a degree of longitude is half as long as at the equator: 0.557 m x 1.114 m.
    assert inspect_image(tiff(np.ones((1, 8, 8), "u1"), **degrees)).gsd_m == pytest.approx(0.788)
    mercator = {"crs": "EPSG:3857", "transform": north_up(0, 8_399_737, 1)}
    assert inspect_image(tiff(np.ones((1, 8, 8), "u1"), **mercator)).gsd_m == pytest.approx(0.501)


def test_declared_nodata_is_a_hole_and_becomes_zero() -> None:
    bands = np.full((2, 6, 6), 5, "i2")
    bands[:, :2] = -9999
    raster = read_image(tiff(bands, nodata=-9999))
    assert raster.valid_HW is not None and raster.valid_HW.sum() == 24
    assert not raster.bands_CHW[:, :2].any()


def test_nan_is_a_hole_only_where_the_file_says_so() -> None:
    bands = np.ones((1, 6, 6), "f4")
    bands[0, 0, :3] = np.nan
    assert "NaN" in refused(tiff(bands)).message
    assert "NaN" in refused(tiff(bands, nodata=-1.0)).message
    raster = read_image(tiff(bands, nodata=float("nan")))
    assert raster.valid_HW is not None and raster.valid_HW.sum() == 33
    assert np.isfinite(raster.bands_CHW).all()
    infinite = np.ones((1, 4, 4), "f4")
    infinite[0, 0, 0] = np.inf
    refused(tiff(infinite))


def test_an_image_without_a_valid_pixel_is_refused() -> None:
    assert "no valid pixel" in refused(tiff(np.full((1, 5, 5), -1, "i2"), nodata=-1)).message
    nothing = np.full((1, 5, 5), np.nan, "f4")
    assert "no valid pixel" in refused(tiff(nothing, nodata=float("nan"))).message
    assert "no valid pixel" in refused(encode(np.zeros((5, 5, 4), np.uint8), "PNG")).message


def test_a_bomb_is_refused_from_its_header_in_milliseconds() -> None:
    data = png_header(12_000, 12_000)
    started = time.perf_counter()
    error = refused(data)
    assert time.perf_counter() - started < 0.05
    assert error.limit == "100000000 px in all"
    assert "30000" in str(refused(png_header(40_000, 10)))


def test_a_small_file_of_many_decoded_bytes_is_refused() -> None:
    data = tiff(np.zeros((20, 300, 300), "f4"), compress="deflate")
    error = refused(data, ImageLimits(max_decoded_bytes=1_000_000))
    assert "7200000 bytes decoded" in error.message


def test_what_is_over_a_limit_is_refused_with_the_limit() -> None:
    assert refused(tiff(np.zeros((40, 4, 4), "u1"))).limit == "32 bands"
    assert refused(b"x" * 11, ImageLimits(max_bytes=10)).limit == "10 bytes"
    assert refused(png_header(0, 0)).field == "image"


@pytest.mark.parametrize("dtype", ["float64", "complex64", "int32"])
def test_other_element_types_are_refused_by_name(dtype: str) -> None:
    error = refused(tiff(np.ones((1, 4, 4), dtype)))
    assert dtype in error.message and "float32" in str(error.limit)


def test_cmyk_is_refused() -> None:
    assert "CMYK" in refused(encode(scene(), "JPEG", mode="CMYK")).message
    cmyk = np.ones((4, 4, 4), "u1")
    assert "CMYK" in refused(tiff(cmyk, photometric="CMYK")).message


GOOD: dict[str, bytes] = {
    "PNG": encode(scene(200, 200), "PNG"),
    "JPEG": encode(scene(200, 200), "JPEG"),
    "TIFF": tiff(scene(200, 200).transpose(2, 0, 1), compress="deflate"),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.9])
def test_a_file_cut_short_is_refused(name: str, share: float) -> None:
    refused(GOOD[name][: max(3, int(len(GOOD[name]) * share))])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"GIF89a" + b"\0" * 50,
        b"II*\0",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"BM" * 40,
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    refused(data)


def test_other_drivers_are_not_reached() -> None:
    vrt = (
        b"<VRTDataset rasterXSize='4' rasterYSize='4'><VRTRasterBand dataType='Byte'/></VRTDataset>"
    )
    assert refused(vrt).limit == "PNG, JPEG or TIFF"
    refused(b"II*\0" + vrt)


@pytest.mark.parametrize("name", GOOD)
def test_a_flipped_byte_is_refused_or_read_but_never_crashes(name: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        data = bytearray(GOOD[name])
        at = int(rng.integers(0, min(len(data), 600)))
        data[at] ^= int(rng.integers(1, 256))
        try:
            raster: Any = read_image(bytes(data))
        except ImageryError as error:
            assert error.field == "image"
        else:
            assert raster.bands_CHW.shape[1:] == (raster.header.height_px, raster.header.width_px)
