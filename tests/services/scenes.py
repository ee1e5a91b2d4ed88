"""Large scenes that take little room: tiled GeoTIFFs of which only some blocks were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

SIDE_PX = 12_000
BLOCK_PX = 512
PLACE = {"crs": "EPSG:32631", "transform": Affine(0.5, 0, 500_000, 0, -0.5, 4_600_000)}


def sparse_scene(path: Path, side_px: int = SIDE_PX, bands: int = 3, **profile: Any) -> Path:
    """No data but for 2 x 2 blocks of noise at (1024, 2048), 1024 px a side; 0.5 m a pixel."""
    described = {
        "driver": "GTiff",
        "width": side_px,
        "height": side_px,
        "count": bands,
        "dtype": "uint8",
        "nodata": 0,
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "sparse_ok": True,
        **PLACE,
    }
    noise = np.random.default_rng(0).integers(1, 255, (bands, 1024, 1024)).astype(np.uint8)
    with rasterio.open(path, "w", **described | profile) as dataset:
        dataset.write(noise, window=Window(1024, 2048, 1024, 1024))
    return path


def noisy_scene(path: Path, side_px: int = 3_000) -> Path:
    """All of it noise in 16 bits: 18 MB, two parts of an upload."""
    noise = np.random.default_rng(1).integers(1, 4_000, (1, side_px, side_px)).astype(np.uint16)
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": side_px,
        "height": side_px,
        "count": 1,
    } | PLACE
    with rasterio.open(path, "w", dtype="uint16", tiled=True, **profile) as dataset:
        dataset.write(noise)
    return path
