"""What the stages hand each other, for one image window each.

N grid cells (row-major), C channels, H W map size, M prompt map tokens, R regions, D width,
G side of the finest grid (view side / 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageFeatures:
    """Features of one window.

    Attributes:
        grid_NC: both experts' tokens on one grid, concatenated by channel.
        pyramid: finer maps [C, H, W], coarse to fine (strides 8 and 4).
    """

    grid_NC: Tensor
    pyramid: tuple[Tensor, ...]

    def to(self, device: torch.device, dtype: torch.dtype) -> ImageFeatures:
        """The same features on ``device`` as ``dtype``."""
        return ImageFeatures(
            self.grid_NC.to(device, dtype), tuple(m.to(device, dtype) for m in self.pyramid)
        )


@dataclass(frozen=True)
class PromptFeatures:
    """The marks of one request.

    Attributes:
        map_MD: tokens of the prompt map of all regions.
        regions_RD: one token a region.
        weights_RGG: where each region is, 0..1, on the finest grid.
        places_R4: (x0, y0, x1, y1) of each region, 0..1 of the full image's width and height: the
            window may be a small part of it.
    """

    map_MD: Tensor
    regions_RD: Tensor
    weights_RGG: Tensor
    places_R4: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> PromptFeatures:
        """The same features on ``device`` as ``dtype``."""
        return PromptFeatures(
            self.map_MD.to(device, dtype),
            self.regions_RD.to(device, dtype),
            self.weights_RGG.to(device, dtype),
            self.places_R4.to(device, dtype),
        )
