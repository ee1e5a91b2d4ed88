"""An image encoder that encodes each view once, for several questions about it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xxhash

from earthgptx.kept_within import KeptWithin
from earthgptx.model.features import ImageFeatures
from earthgptx.model.pipeline import ImageEncoder

_LIMIT_BYTES = 512 * 2**20


class RememberingEncoder:
    """Wraps an image encoder; the views used longest ago are forgotten first.

    Every view is encoded alone, so that features do not depend on what else was asked.
    """

    def __init__(self, encoder: ImageEncoder, limit_bytes: int = _LIMIT_BYTES) -> None:
        self.view_side_px = encoder.view_side_px
        self._encoder = encoder
        self._kept: KeptWithin[ImageFeatures] = KeptWithin(limit_bytes)

    def encode(self, views: list[npt.NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Features of uint8 views [S, S, 3], one each."""
        return [self._encode(view_SS3) for view_SS3 in views]

    def _encode(self, view_SS3: npt.NDArray[np.uint8]) -> ImageFeatures:
        key = xxhash.xxh3_128_digest(view_SS3.tobytes())
        features = self._kept.find(key)
        if features is None:
            features = self._encoder.encode([view_SS3])[0]
            self._kept.keep(key, features, _size_bytes(features))
        return features


def _size_bytes(features: ImageFeatures) -> int:
    return sum(tensor.nbytes for tensor in (features.grid_NC, *features.pyramid))
