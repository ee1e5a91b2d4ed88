"""Tiny pictures for generated datasets."""

from pathlib import Path

import numpy as np
import rasterio
from PIL import Image

WIDTH, HEIGHT = 80, 60


def picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), grey: bool = False) -> None:
    """A picture of noise; the suffix says what file it is. Grey ones have three equal channels."""
    rng = np.random.default_rng(sum(path.name.encode()))
    pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    if grey:
        pixels[:] = pixels[..., :1]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def mask_picture(path: Path, inside: tuple[slice, slice], size: tuple[int, int]) -> None:
    """One band, 255 inside."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[inside] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def deep_picture(path: Path, bands: int, side: int) -> None:
    """A TIFF of uint16 bands; band k (from 1) rises k times as steeply from left to right."""
    ramp = np.linspace(0, 1000, side, dtype=np.float32)
    bands_CHW = np.stack([np.tile(ramp * k, (side, 1)) for k in range(1, bands + 1)])
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": "uint16"}
    transform = rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000)
    with rasterio.open(path, "w", transform=transform, crs="EPSG:32632", **profile) as file:
        file.write(bands_CHW.astype(np.uint16))
