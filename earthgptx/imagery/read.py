"""From a file to its bands, as they are; everything that cannot be used is refused by name."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import ImageFile
from rasterio.enums import MaskFlags

from earthgptx.imagery.band_meaning import RED_GREEN_BLUE, BandMeaning, band_meanings
from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.imagery.georeference import AffineTransform
from earthgptx.imagery.header import (
    WHOLE_FILE,
    ImageHeader,
    ImageLimits,
    colour_bands,
    inspect_image,
    is_deep_colour_png,
    is_palette,
    open_simple,
    open_with_gdal,
)

ValidHW = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Raster:
    """An image's bands.

    Attributes:
        bands_CHW: [C, H, W] in the file's element type (uint8, uint16, int16 or float32).
        valid_HW: where there is data; None where everywhere. What is not valid is 0 in the bands.
        header: what the file said about itself.
        band_meanings: what the file says of each band.
        note: what was done to get these bands, in words; empty if nothing.
    """

    bands_CHW: npt.NDArray[Any]
    valid_HW: ValidHW | None
    header: ImageHeader
    band_meanings: tuple[BandMeaning, ...]
    note: str = ""

    @property
    def transform(self) -> AffineTransform | None:
        """Pixels to coordinates of the crs; None if the image is not georeferenced."""
        return self.header.transform

    @property
    def crs(self) -> str:
        """As "EPSG:<code>" or WKT; empty if the image has none."""
        return self.header.crs


def read_image(data: bytes, limits: ImageLimits | None = None) -> Raster:
    """Decodes an image whose header is within the limits.

    Alpha, nodata values and internal masks become ``valid_HW``; a palette becomes its colours; one
    bit becomes black and white.

    Raises:
        ImageryError: refused by its header (see ``inspect_image``), cut short or damaged, holds
            values that are not finite and not declared as nodata, or has no valid pixel at all;
            the field is "image".
    """
    header = inspect_image(data, limits)
    if header.format in ("TIFF", "GTiff"):
        raster = _read_with_gdal(data, "GTiff", header)
    elif is_deep_colour_png(data):
        raster = _read_with_gdal(data, "PNG", header)
    else:
        raster = _read_simple(data, header)
    if raster.valid_HW is not None:
        if not raster.valid_HW.any():
            raise ImageryError(
                "image",
                "has no valid pixel: all of it is nodata or transparent",
                "at least one valid pixel",
            )
        raster.bands_CHW[:, ~raster.valid_HW] = 0
    return raster


def _read_simple(data: bytes, header: ImageHeader) -> Raster:
    with open_simple(data) as opened:
        try:
            opened.load()
        except (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError) as error:
            raise DamagedImage("image", f"is damaged or cut short: {error}", WHOLE_FILE) from None
        pixels, note = _to_plain_mode(opened)
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    valid_HW = pixels[..., -1] > 0 if has_alpha else None
    bands_HWC = pixels[..., :-1] if has_alpha else pixels
    bands_CHW = np.ascontiguousarray(np.atleast_3d(bands_HWC).transpose(2, 0, 1))
    return Raster(
        bands_CHW.astype(header.band_dtype, copy=False),
        _unless_everywhere(valid_HW),
        header,
        RED_GREEN_BLUE if len(bands_CHW) == 3 else (BandMeaning(),),
        note,
    )


def _to_plain_mode(image: ImageFile.ImageFile) -> tuple[npt.NDArray[Any], str]:
    transparent = "transparency" in image.info
    if image.mode == "1":
        return np.asarray(image.convert("L")), "one bit shown as black and white"
    if image.mode in ("P", "PA"):
        alpha = transparent or image.mode == "PA"
        return np.asarray(image.convert("RGBA" if alpha else "RGB")), "palette shown as its colours"
    if transparent and image.mode in ("L", "RGB"):
        return np.asarray(image.convert("LA" if image.mode == "L" else "RGBA")), ""
    return np.asarray(image), ""


def _read_with_gdal(data: bytes, driver: str, header: ImageHeader) -> Raster:
    with open_with_gdal(data, "PNG" if driver == "PNG" else "GTiff") as dataset:
        if is_palette(dataset):
            return _read_palette(dataset, header)
        numbers = colour_bands(dataset)
        bands_CHW = dataset.read(numbers)
        everywhere = all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums)
        valid_HW = None if everywhere else dataset.dataset_mask() > 0
        note = ""
        if dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "1":
            bands_CHW = bands_CHW * np.uint8(255)
            note = "one bit shown as black and white"
        meanings = band_meanings(dataset, numbers)
        nan_is_nodata = any(v is not None and np.isnan(v) for v in dataset.nodatavals)
    valid_HW = _without_gaps(bands_CHW, valid_HW, nan_is_nodata)
    return Raster(bands_CHW, _unless_everywhere(valid_HW), header, meanings, note)


def _read_palette(dataset: rasterio.DatasetReader, header: ImageHeader) -> Raster:
    indices_HW = dataset.read(1)
    table = np.zeros((max(256, int(indices_HW.max()) + 1), 4), np.uint8)
    for index, colour in dataset.colormap(1).items():
        table[index] = colour
    everywhere = MaskFlags.all_valid in dataset.mask_flag_enums[0]
    valid_HW = None if everywhere else dataset.dataset_mask() > 0
    bands_CHW = np.ascontiguousarray(table[indices_HW, :3].transpose(2, 0, 1))
    note = "palette shown as its colours"
    return Raster(bands_CHW, _unless_everywhere(valid_HW), header, RED_GREEN_BLUE, note)


def _without_gaps(
    bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None, nan_is_nodata: bool
) -> ValidHW | None:
    """Where the values are finite; NaN that nobody declared is an error, not a hole."""
    if bands_CHW.dtype.kind != "f":
        return valid_HW
    finite_HW = np.isfinite(bands_CHW).all(axis=0)
    valid_HW = np.ones_like(finite_HW) if valid_HW is None else valid_HW
    gaps = int((valid_HW & ~finite_HW).sum())
    if gaps and not nan_is_nodata:
        raise ImageryError(
            "image",
            f"has NaN or infinite values in {gaps} pixels; declare NaN as the file's nodata value "
            "if they are gaps",
            "finite values",
        )
    usable_HW: ValidHW = valid_HW & finite_HW
    return usable_HW


def _unless_everywhere(valid_HW: ValidHW | None) -> ValidHW | None:
    return None if valid_HW is None or valid_HW.all() else valid_HW
