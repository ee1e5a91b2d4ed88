"""Image files made on the spot, good and bad."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning


def north_up(left: float, top: float, pixel: float) -> Affine:
    """The transform of an image with north at its top."""
    return Affine(pixel, 0, left, 0, -pixel, top)


UTM_10M = {"crs": "EPSG:32633", "transform": north_up(500_000, 5_400_000, 10)}


def encode(array: npt.NDArray[Any], image_format: str, mode: str | None = None) -> bytes:
    """PNG or JPEG of a grey, RGB or RGBA array."""
    image = Image.fromarray(array)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, image_format)
    return stream.getvalue()


def tiff(
    bands_CHW: npt.NDArray[Any],
    names: tuple[str, ...] = (),
    *,
    wavelengths_um: tuple[float, ...] = (),
    said: Mapping[str, Sequence[Any]] | None = None,
    **profile: Any,
) -> bytes:
    """A TIFF; georeferenced with ``**UTM_10M``.

    ``said`` are rasterio's attributes of bands: units, scales, offsets, colorinterp.
    """
    count, height, width = bands_CHW.shape
    with rasterio.MemoryFile() as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(
            driver="GTiff",
            count=count,
            height=height,
            width=width,
            dtype=bands_CHW.dtype,
            **profile,
        ) as dataset:
            dataset.write(bands_CHW)
            for number, name in enumerate(names, start=1):
                dataset.set_band_description(number, name)
            for number, length_um in enumerate(wavelengths_um, start=1):
                dataset.update_tags(number, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=str(length_um))
            for attribute, values in (said or {}).items():
                setattr(dataset, attribute, values)
        return bytes(memory.read())


def png_header(width_px: int, height_px: int) -> bytes:
    """A PNG that says it is so large and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def scene(height: int = 40, width: int = 60, bands: int = 3) -> npt.NDArray[np.uint8]:
    """Random colours [H, W, bands]."""
    return np.random.default_rng(7).integers(0, 256, (height, width, bands), dtype=np.uint8)
