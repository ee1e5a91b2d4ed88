"""Small pictures for tests, as files."""

import io

import numpy as np
from PIL import Image


def png(width_px: int = 96, height_px: int = 64, seed: int = 0) -> bytes:
    """A picture of coloured noise and a bright square."""
    noise = np.random.default_rng(seed)
    pixels = noise.integers(0, 120, (height_px, width_px, 3), dtype=np.uint8)
    pixels[10:40, 20:50] = 230
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
