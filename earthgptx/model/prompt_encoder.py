"""The visual-prompt encoder ("SAE" of the paper): a ViT over the prompt map, and region tokens.

The map gives one image-wide picture of all marks; a token per region keeps regions apart, so that
"<Region 2>" means one of them (the paper's equations alone give no index; SPHINX-V's have one).

B batch, K mark kinds, S view side, G finest grid side, M map tokens, R regions, D width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import Tensor, nn

if TYPE_CHECKING:
    from earthgptx.imagery.prompt_raster import PromptRaster
from earthgptx.model.box_waves import box_waves, wave_count
from earthgptx.model.features import PromptFeatures
from earthgptx.model.presets import ModelConfig

MARK_KINDS = 5


class PromptEncoder(nn.Module):
    """Prompt map and region geometry to tokens of the hybrid block's width."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        prompt = config.prompt
        self.config = config
        self.patch = nn.Conv2d(MARK_KINDS, prompt.width, prompt.patch_cells, prompt.patch_cells)
        tokens = config.prompt_map_tokens
        self.position_1MW = nn.Parameter(torch.randn(1, tokens, prompt.width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(prompt.width, prompt.heads, mlp_ratio=2.0, qkv_bias=True)
            for _ in range(prompt.depth)
        )
        self.norm = nn.LayerNorm(prompt.width)
        self.map_out = nn.Linear(prompt.width, config.prompt_width)
        width = config.prompt_width
        geometry = wave_count(prompt.fourier_bands) + MARK_KINDS
        self.region = nn.Sequential(nn.Linear(geometry, width), nn.GELU(), nn.Linear(width, width))

    def encode_map(self, map_BKSS: Tensor) -> Tensor:
        """Tokens of the map of all regions: [B, M, D]."""
        cells_BKGG = F.adaptive_max_pool2d(map_BKSS, self.config.fine_side)
        tokens_BMW = self.patch(cells_BKGG).flatten(2).transpose(1, 2) + self.position_1MW
        for block in self.blocks:
            tokens_BMW = block(tokens_BMW)
        out_BMD: Tensor = self.map_out(self.norm(tokens_BMW))
        return out_BMD

    def encode_regions(self, boxes_R4: Tensor, kinds_RK: Tensor) -> Tensor:
        """Tokens of regions from their extents (0..1 of the view) and kinds: [..., R, D]."""
        geometry = torch.cat([box_waves(boxes_R4, self.config.prompt.fourier_bands), kinds_RK], -1)
        tokens: Tensor = self.region(geometry.to(self.region[0].weight.dtype))
        return tokens


class PromptEncoderModel:
    """The prompt encoder stage's model: rasterised marks in, tokens out.

    Args:
        encoder: with parameters of ``dtype``.
    """

    def __init__(self, encoder: PromptEncoder, device: torch.device, dtype: torch.dtype) -> None:
        self._encoder = encoder.to(device).eval()
        self._device = device
        self._dtype = dtype
        self.view_side_px = encoder.config.view_side_px

    @torch.inference_mode()
    def encode(self, rasters: list[PromptRaster]) -> list[PromptFeatures]:
        """Encodes the marks of several requests; results on the CPU."""
        maps_BKSS = torch.from_numpy(np.stack([r.map_KSS for r in rasters]))
        map_BMD = self._encoder.encode_map(maps_BKSS.to(self._device, self._dtype)).cpu()
        features = []
        for i, raster in enumerate(rasters):
            boxes_R4 = torch.from_numpy(raster.boxes_R4).to(self._device)
            kinds_RK = torch.from_numpy(raster.kinds_RK).to(self._device)
            regions_RD = self._encoder.encode_regions(boxes_R4, kinds_RK).cpu()
            weights_RGG = torch.from_numpy(raster.weights_RGG).to(self._dtype)
            places_R4 = torch.from_numpy(raster.places_R4).to(self._dtype)
            features.append(PromptFeatures(map_BMD[i].clone(), regions_RD, weights_RGG, places_R4))
        return features
