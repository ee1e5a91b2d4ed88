"""Images of a dataset: their size from the header, their pixels as serving would show them."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from PIL import JpegImagePlugin, PngImagePlugin
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from earthgptx.data.coco_folder import DataError
from earthgptx.data.labelled_image import Modality, PixelsHWC
from earthgptx.imagery.band_meaning import RED_GREEN_BLUE
from earthgptx.imagery.display import to_display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageLimits
from earthgptx.imagery.read import read_image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
# A dataset on one's own disk is no stranger's upload; the largest image of DOTA 2.0 has 0.8 Gpx.
_LIMITS = ImageLimits(
    max_pixels=1_000_000_000, max_bytes=4 * 1024**3, max_decoded_bytes=4 * 1024**3
)


def image_size_px(path: Path) -> tuple[int, int]:
    """(width, height) from the header; no pixel is decoded.

    Raises:
        DataError: the file is missing or no PNG, JPEG or TIFF.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            stream.seek(0)
            # By the format's own class: Image.open would refuse large images by a limit of its own.
            if start.startswith(b"\x89PNG"):
                return PngImagePlugin.PngImageFile(stream).size
            if start.startswith(b"\xff\xd8"):
                return JpegImagePlugin.JpegImageFile(stream).size
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as opened:
                return opened.width, opened.height
    except (OSError, SyntaxError, ValueError, RasterioError, struct.error) as error:
        raise DataError(f"{path}: {error}") from error


def load_pixels(path: Path, modality: Modality, bands: Sequence[int] | None = None) -> PixelsHWC:
    """uint8 [H, W, 3], or [H, W, 1] where radar or thermal infrared is grey.

    Deep images are stretched and bands chosen as serving does it (``earthgptx.imagery.display``),
    so that a model is trained on what it will be shown.

    Args:
        path: PNG, JPEG or TIFF.
        modality: what the sensor saw.
        bands: indices of the bands to show as red, green, blue; None for the file's own.

    Raises:
        DataError: the file is missing, broken, or in colour where ``modality`` has none.
    """
    try:
        raster = read_image(path.read_bytes(), _LIMITS)
        if bands is not None:
            raster = replace(
                raster,
                bands_CHW=raster.bands_CHW[list(bands)],
                band_meanings=RED_GREEN_BLUE,
            )
        shown = to_display(raster, modality).pixels_HWC
    except (OSError, ImageryError, IndexError) as error:
        raise DataError(f"{path}: {error}") from error
    if modality == "optical" or (shown != shown[..., :1]).any():
        return shown
    return np.ascontiguousarray(shown[..., :1])
