"""The mixture of visual experts: ConvNeXt and a DINOv2-style ViT on one grid.

``V_img = Concat(MVE(I))`` of the paper. Each expert has its own input size and normalisation; their
coarsest maps have equal side and are concatenated by channel. Where masks are drawn by SAM's
decoder, SAM's own encoder looks at the view too.

B batch, S view side in pixels, N grid cells, C channels, H W map size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from earthgptx.model.features import ImageFeatures
from earthgptx.model.presets import ModelConfig
from earthgptx.model.presets.configuration import (
    ConvExpertConfig,
    SamEncoderConfig,
    VitExpertConfig,
)

_Normalised = ConvExpertConfig | VitExpertConfig | SamEncoderConfig


def build_conv_expert(config: ConvExpertConfig) -> nn.Module:
    """The first ``config.stages`` stages of a timm ConvNeXt, as a feature pyramid."""
    return timm.create_model(
        config.timm_name,
        pretrained=False,
        features_only=True,
        out_indices=tuple(range(config.stages)),
        kernel_sizes=config.kernel_sizes,
        # timm has batch norms for ConvNeXt only where its matrices are 1 x 1 convolutions.
        conv_mlp=config.batch_norm,
        norm_layer="batchnorm2d" if config.batch_norm else None,
        dims=config.widths,
        depths=config.depths,
    )


def build_vit_expert(config: VitExpertConfig) -> nn.Module:
    """A ViT of timm without head; with no name a VisionTransformer with DINOv2's layer scale."""
    if config.timm_name:
        return timm.create_model(
            config.timm_name,
            pretrained=False,
            img_size=config.input_side_px,
            num_classes=0,
            global_pool="",
            patch_size=config.patch_px,
            embed_dim=config.width,
            depth=config.depth,
            num_heads=config.heads,
        )
    return VisionTransformer(
        img_size=config.input_side_px,
        patch_size=config.patch_px,
        embed_dim=config.width,
        depth=config.depth,
        num_heads=config.heads,
        init_values=0.1,
        num_classes=0,
        global_pool="",
    )


def build_sam_encoder(config: SamEncoderConfig) -> nn.Module:
    """SAM's image encoder with its neck, no head."""
    return timm.create_model(
        config.timm_name,
        pretrained=False,
        img_size=config.input_side_px,
        num_classes=0,
        global_pool="",
        patch_size=config.patch_px,
        embed_dim=config.width,
        depth=config.depth,
        num_heads=config.heads,
        window_size=config.window,
        global_attn_indexes=config.global_blocks,
        neck_chans=config.channels,
    )


class VisualExperts(nn.Module):
    """Both experts, and SAM's encoder where there is one; the image encoder stage's network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.conv = build_conv_expert(config.conv)
        self.vit = build_vit_expert(config.vit)
        self.config = config
        normalised: list[tuple[str, _Normalised]] = [("conv", config.conv), ("vit", config.vit)]
        if config.sam is not None:
            self.sam = build_sam_encoder(config.sam)
            normalised.append(("sam", config.sam))
        for name, expert in normalised:
            for stat, value in (("mean", expert.mean), ("std", expert.std)):
                tensor = torch.tensor(value).view(1, 3, 1, 1)
                self.register_buffer(f"{name}_{stat}", tensor, persistent=False)

    @property
    def grid_channels(self) -> int:
        """Channels of a grid cell: both experts'."""
        return self.config.grid_channels

    def forward(self, views_B3SS: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Encodes views with values in 0..1.

        Returns:
            grid_BNC, and the finer maps [B, C, H, W] as ``config.pyramid_shapes`` names them.
        """
        conv_in = self._input(views_B3SS, "conv", self.config.conv)
        fine_to_coarse = self.conv(conv_in.contiguous(memory_format=torch.channels_last))
        tokens_BTC = self.vit(self._input(views_B3SS, "vit", self.config.vit))
        # The class token and registers are no part of the grid; how many there are varies.
        patches_BNC = tokens_BTC[:, self.vit.num_prefix_tokens :]
        conv_BNC = fine_to_coarse[-1].flatten(2).transpose(1, 2)
        grid_BNC = torch.cat([conv_BNC, patches_BNC], dim=2)
        finer = tuple(reversed(fine_to_coarse[:-1]))
        if self.config.sam is not None:
            finer = (self.sam(self._input(views_B3SS, "sam", self.config.sam)), *finer)
        return grid_BNC, finer

    def _input(self, views_B3SS: Tensor, name: str, expert: _Normalised) -> Tensor:
        """The views as one expert takes them."""
        mean, std = (
            getattr(self, f"{name}_{stat}").to(views_B3SS.dtype) for stat in ("mean", "std")
        )
        return _resize((views_B3SS - mean) / std, expert.input_side_px)


def _resize(views_B3SS: Tensor, side_px: int) -> Tensor:
    if views_B3SS.shape[-1] == side_px:
        return views_B3SS
    # CPUs have no antialiased resampling in bf16.
    resized = F.interpolate(
        views_B3SS.float(), size=(side_px, side_px), mode="bilinear", antialias=True
    )
    return resized.to(views_B3SS.dtype)


def views_to_tensor(views: list[npt.NDArray[np.uint8]]) -> Tensor:
    """uint8 views [S, S, 3] to float32 [B, 3, S, S] in 0..1."""
    stacked_BSS3 = torch.from_numpy(np.stack(views))
    return stacked_BSS3.permute(0, 3, 1, 2).float().div(255.0)


class ImageEncoderModel:
    """The image encoder stage's model: views in, features out.

    Args:
        experts: with parameters of ``dtype``; tables of positions stay in float32.
    """

    def __init__(self, experts: VisualExperts, device: torch.device, dtype: torch.dtype) -> None:
        self._experts = experts.to(device).eval()
        self._device = device
        self._dtype = dtype
        self.view_side_px = experts.config.view_side_px

    @torch.inference_mode()
    def encode(self, views: list[npt.NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Encodes uint8 views [S, S, 3]; one features object each, on the CPU."""
        batch_B3SS = views_to_tensor(views).to(self._device, self._dtype)
        grid_BNC, pyramid = self._experts(batch_B3SS)
        grid_BNC = grid_BNC.cpu().contiguous()
        maps = [m.cpu().contiguous() for m in pyramid]
        return [
            ImageFeatures(grid_BNC[i].clone(), tuple(m[i].clone() for m in maps))
            for i in range(len(views))
        ]
