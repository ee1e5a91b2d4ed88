"""What a file says about itself, read and judged before a pixel is decoded.

Three formats are let in, told apart by their first bytes: PNG and JPEG (read by Pillow's own
reader for that format) and TIFF (read by GDAL's GTiff driver from memory, with no other driver,
no sidecar file and no network). Sizes are pixels as stored; an EXIF orientation is not applied.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import rasterio
from PIL import ImageFile, JpegImagePlugin, PngImagePlugin
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.imagery.georeference import AffineTransform
from earthgptx.imagery.place import place_of

# The last three are read as scenes only (`earthgptx.scenes`).
ImageFormat = Literal["PNG", "JPEG", "TIFF", "GTiff", "JP2OpenJPEG", "NITF", "ENVI"]

BAND_DTYPES = ("uint8", "uint16", "int16", "float32")
# What a damaged file should have been.
WHOLE_FILE = "a whole PNG, JPEG or TIFF"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_COLOUR, _PNG_COLOUR_ALPHA = 2, 6
# Bands a Pillow mode decodes to; alpha is no band, a palette becomes colours.
_BANDS_OF_MODE = {"1": 1, "L": 1, "LA": 1, "I;16": 1, "I": 1, "P": 3, "PA": 3, "RGB": 3, "RGBA": 3}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_NUM_THREADS": "1",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "PROJ_NETWORK": "OFF",
}


@dataclass(frozen=True)
class ImageLimits:
    """What is refused from the header alone.

    Attributes:
        max_pixels: width x height.
        max_bands: bands without alpha.
        max_side_px: the longer side.
        max_bytes: size of the file.
        max_decoded_bytes: width x height x bands x bytes of an element.
    """

    max_pixels: int = 100_000_000
    max_bands: int = 32
    max_side_px: int = 30_000
    max_bytes: int = 256 * 1024 * 1024
    max_decoded_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True)
class ImageHeader:
    """What a file says about itself.

    Attributes:
        format: "GTiff" if a TIFF is georeferenced, else "TIFF".
        width_px: width as stored.
        height_px: height as stored.
        band_count: bands after decoding: alpha not counted, a palette counted as its 3 colours.
        band_dtype: one of ``BAND_DTYPES``.
        crs: "EPSG:<code>" or WKT; empty if the file has none.
        gsd_m: ground sampling distance in metres to three digits; 0 if not known.
        size_bytes: size of the file.
        transform: pixels to coordinates of the crs, (a, b, c, d, e, f) with X = a x + b y + c and
            Y = d x + e y + f at x, y in pixels from the top left corner; None without a crs.
    """

    format: ImageFormat
    width_px: int
    height_px: int
    band_count: int
    band_dtype: str
    crs: str
    gsd_m: float
    size_bytes: int
    transform: AffineTransform | None = None


def inspect_image(data: bytes, limits: ImageLimits | None = None) -> ImageHeader:
    """Reads the header only and refuses what is over a limit.

    Raises:
        ImageryError: the file is empty, of no known format, damaged, of a kind that is not read
            (CMYK, several pages, an element type other than ``BAND_DTYPES``), over a limit or
            placed off the earth; the field is "image". ``DamagedImage`` where more bytes might
            have helped.
    """
    limits = limits or ImageLimits()
    if len(data) > limits.max_bytes:
        raise ImageryError("image", f"has {len(data)} bytes", f"{limits.max_bytes} bytes")
    header = _inspect_tiff(data) if data.startswith(_TIFF_STARTS) else _inspect_simple(data)
    _refuse_over_limits(header, limits)
    return header


def _refuse_over_limits(header: ImageHeader, limits: ImageLimits) -> None:
    width, height = header.width_px, header.height_px
    size = f"is {width} x {height} px"
    if width < 1 or height < 1:
        raise ImageryError("image", size, "at least 1 x 1 px")
    if max(width, height) > limits.max_side_px:
        raise ImageryError("image", size, f"sides of {limits.max_side_px} px")
    if width * height > limits.max_pixels:
        raise ImageryError("image", size, f"{limits.max_pixels} px in all")
    if not 1 <= header.band_count <= limits.max_bands:
        raise ImageryError("image", f"has {header.band_count} bands", f"{limits.max_bands} bands")
    if header.band_dtype not in BAND_DTYPES:
        advice = "; give its amplitude" if header.band_dtype.startswith("complex") else ""
        raise ImageryError(
            "image", f"has elements of type {header.band_dtype}{advice}", ", ".join(BAND_DTYPES)
        )
    decoded_bytes = width * height * header.band_count * np.dtype(header.band_dtype).itemsize
    if decoded_bytes > limits.max_decoded_bytes:
        raise ImageryError(
            "image",
            f"would take {decoded_bytes} bytes decoded",
            f"{limits.max_decoded_bytes} bytes",
        )


def is_deep_colour_png(data: bytes) -> bool:
    """A PNG with 16 bits a colour, which Pillow would silently cut to 8."""
    depth_and_type = data[24:26] if data.startswith(_PNG_START) else b""
    return depth_and_type in (bytes((16, _PNG_COLOUR)), bytes((16, _PNG_COLOUR_ALPHA)))


def open_simple(data: bytes) -> ImageFile.ImageFile:
    """A PNG or JPEG, its header read, its pixels not.

    Opened by the format's own class: ``Image.open`` would warn of large images by a limit of its
    own, and try every other format too.

    Raises:
        ImageryError: neither a PNG nor a JPEG, without pixels, or its header is damaged (field
            "image").
    """
    _refuse_empty_png(data)
    stream = io.BytesIO(data)
    try:
        if data.startswith(_PNG_START):
            return PngImagePlugin.PngImageFile(stream)
        if data.startswith(b"\xff\xd8"):
            return JpegImagePlugin.JpegImageFile(stream)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError) as error:
        raise DamagedImage("image", f"has a damaged header: {error}", WHOLE_FILE) from None
    what = "is empty" if not data else "is of no known format"
    raise ImageryError("image", what, "PNG, JPEG or TIFF")


def _refuse_empty_png(data: bytes) -> None:
    """Pillow does not say that it is the size it minds."""
    if data.startswith(_PNG_START) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        if not (width and height):
            raise ImageryError("image", f"is {width} x {height} px", "at least 1 x 1 px")


def _inspect_simple(data: bytes) -> ImageHeader:
    with open_simple(data) as image:
        if image.mode not in _BANDS_OF_MODE:
            raise ImageryError(
                "image", f"has the colours {image.mode}; save it as RGB or grey", "RGB or grey"
            )
        deep = image.mode in ("I", "I;16") or is_deep_colour_png(data)
        return ImageHeader(
            format="PNG" if isinstance(image, PngImagePlugin.PngImageFile) else "JPEG",
            width_px=image.width,
            height_px=image.height,
            band_count=_BANDS_OF_MODE[image.mode],
            band_dtype="uint16" if deep else "uint8",
            crs="",
            gsd_m=0.0,
            size_bytes=len(data),
        )


@contextmanager
def open_with_gdal(
    data: bytes, driver: Literal["GTiff", "PNG"]
) -> Iterator[rasterio.DatasetReader]:
    """The file as a dataset, from memory, by this driver alone.

    Raises:
        ImageryError: GDAL cannot read it, now or later inside the block (field "image").
    """
    try:
        with rasterio.Env(**GDAL_OPTIONS), rasterio.MemoryFile(data) as memory:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                dataset = memory.open(driver=driver)
            with dataset:
                yield dataset
    except ImageryError:
        raise
    # Damaged files also come out of rasterio as its private errors and as undecodable tags.
    except (RasterioError, CPLE_BaseError, ValueError) as error:
        raise DamagedImage("image", f"is damaged: {error}", WHOLE_FILE) from None


def _inspect_tiff(data: bytes) -> ImageHeader:
    with open_with_gdal(data, "GTiff") as dataset:
        refuse_unread_kinds(dataset)
        place = place_of(dataset)
        return ImageHeader(
            format="GTiff" if place.transform else "TIFF",
            width_px=dataset.width,
            height_px=dataset.height,
            band_count=3 if is_palette(dataset) else len(colour_bands(dataset)),
            band_dtype=dataset.dtypes[0],
            crs=place.crs,
            gsd_m=place.gsd_m,
            size_bytes=len(data),
            transform=place.transform,
        )


def refuse_unread_kinds(dataset: rasterio.DatasetReader) -> None:
    """Refuses files of several pages, CMYK, and bands of different types.

    Raises:
        ImageryError: it is one of these (field "image").
    """
    if len(dataset.subdatasets) > 1:
        raise ImageryError("image", f"has {len(dataset.subdatasets)} pages", "one page")
    # GDAL shows 8-bit CMYK as red, green, blue and alpha, by a rule of thumb.
    colours = dataset.tags(ns="IMAGE_STRUCTURE").get("SOURCE_COLOR_SPACE")
    if colours == "CMYK" or ColorInterp.cyan in dataset.colorinterp:
        raise ImageryError(
            "image", "has the colours CMYK; save it as RGB or grey", "RGB, grey or bands"
        )
    if len(set(dataset.dtypes)) > 1:
        raise ImageryError("image", "has bands of different element types", "one type")


def is_palette(dataset: rasterio.DatasetReader) -> bool:
    """One band of indices into a table of colours."""
    return bool(dataset.colorinterp[0] == ColorInterp.palette)


def colour_bands(dataset: rasterio.DatasetReader) -> list[int]:
    """Numbers (from 1) of the bands that are not alpha."""
    return [
        number
        for number, meaning in enumerate(dataset.colorinterp, start=1)
        if meaning != ColorInterp.alpha
    ]
