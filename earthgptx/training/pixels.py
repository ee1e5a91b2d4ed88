"""What training does to pixels before the model sees them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PixelsHW3 = npt.NDArray[np.uint8]


def three_channels(pixels_HWC: npt.NDArray[np.uint8]) -> PixelsHW3:
    """Grey bands are shown three times."""
    return np.repeat(pixels_HWC, 3, axis=2) if pixels_HWC.shape[2] == 1 else pixels_HWC


def jittered(view: PixelsHW3, rng: np.random.Generator) -> PixelsHW3:
    """Brightness, contrast and a little noise: sensors differ."""
    if rng.random() < 0.3:
        return view
    contrast, shift = rng.uniform(0.75, 1.25), rng.uniform(-20, 20)
    changed = (view.astype(np.float32) - 128) * contrast + 128 + shift
    if rng.random() < 0.3:
        changed += rng.normal(0, rng.uniform(1, 6), view.shape[:2])[..., None]
    return changed.clip(0, 255).astype(np.uint8)
