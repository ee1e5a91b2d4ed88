from dataclasses import dataclass, field

import numpy as np
import torch

from earthgptx.evaluation.feature_cache import RememberingEncoder
from earthgptx.model.features import ImageFeatures


@dataclass
class Counting:
    """Features are the view's mean; counts what it encodes."""

    view_side_px: int = 4
    encoded: list[int] = field(default_factory=list)

    def encode(self, views: list[np.ndarray]) -> list[ImageFeatures]:
        self.encoded.append(len(views))
        return [
            ImageFeatures(torch.full((16, 4), float(view.mean())), (torch.zeros(1, 8, 8),))
            for view in views
        ]


def view(value: int) -> np.ndarray:
    return np.full((4, 4, 3), value, np.uint8)


def test_each_view_is_encoded_once_and_alone() -> None:
    counting = Counting()
    encoder = RememberingEncoder(counting)
    found = encoder.encode([view(1), view(2), view(1)])
    again = encoder.encode([view(2)])
    assert counting.encoded == [1, 1]
    assert [float(features.grid_NC[0, 0]) for features in (*found, *again)] == [1, 2, 1, 2]


def test_the_view_used_longest_ago_is_forgotten_first() -> None:
    counting = Counting()
    # One features object holds 16 * 4 + 64 floats.
    encoder = RememberingEncoder(counting, limit_bytes=2 * 128 * 4)
    encoder.encode([view(1), view(2), view(1), view(3)])
    encoder.encode([view(1)])
    assert len(counting.encoded) == 3
    encoder.encode([view(2)])
    assert len(counting.encoded) == 4
