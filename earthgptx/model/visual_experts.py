"""The mixture of visual experts: ConvNeXt and a DINOv2-style ViT on one grid.

``V_img = Concat(MVE(I))`` of the paper. Each expert has its own input size and normalisation; their
coarsest maps have equal side and are concatenated by channel.

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
from earthgptx.model.presets.configuration import ConvExpertConfig, VitExpertConfig


def build_conv_expert(config: ConvExpertConfig) -> nn.Module:
    """The first ``config.stages`` stages of a timm ConvNeXt, as a feature pyramid."""
    return timm.create_model(
        config.timm_name,
        pretrained=False,
        features_only=True,
        out_indices=tuple(range(config.stages)),
        kernel_sizes=config.kernel_sizes,
        conv_mlp=False,
    )


def build_vit_expert(config: VitExpertConfig) -> nn.Module:
    """A timm VisionTransformer with layer scale and no head, as DINOv2's."""
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


class VisualExperts(nn.Module):
    """Both experts; the image encoder stage's whole network."""

    def __init__(self, conv: nn.Module, vit: nn.Module, config: ModelConfig) -> None:
        super().__init__()
        self.conv = conv
        self.vit = vit
        self.config = config
        for name, expert in (("conv", config.conv), ("vit", config.vit)):
            for stat, value in (("mean", expert.mean), ("std", expert.std)):
                tensor = torch.tensor(value).view(1, 3, 1, 1)
                self.register_buffer(f"{name}_{stat}", tensor, persistent=False)

    @property
    def pyramid_channels(self) -> tuple[int, ...]:
        """Channels of the finer maps, coarse to fine."""
        channels: list[int] = self.conv.feature_info.channels()  # type: ignore[operator,union-attr]
        return tuple(reversed(channels[:-1]))

    @property
    def grid_channels(self) -> int:
        """Channels of a grid cell: both experts'."""
        channels: list[int] = self.conv.feature_info.channels()  # type: ignore[operator,union-attr]
        return channels[-1] + self.config.vit.width

    def forward(self, views_B3SS: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Encodes views with values in 0..1.

        Returns:
            grid_BNC, and the finer maps [B, C, H, W], coarse to fine.
        """
        conv_in = _resize((views_B3SS - self.conv_mean) / self.conv_std, self.config.conv)
        fine_to_coarse = self.conv(conv_in.contiguous(memory_format=torch.channels_last))
        vit_in = _resize((views_B3SS - self.vit_mean) / self.vit_std, self.config.vit)
        tokens_BTC = self.vit(vit_in)
        patches_BNC = tokens_BTC[:, self.vit.num_prefix_tokens :]
        conv_BNC = fine_to_coarse[-1].flatten(2).transpose(1, 2)
        grid_BNC = torch.cat([conv_BNC, patches_BNC], dim=2)
        return grid_BNC, tuple(reversed(fine_to_coarse[:-1]))


def _resize(views_B3SS: Tensor, expert: ConvExpertConfig | VitExpertConfig) -> Tensor:
    if views_B3SS.shape[-1] == expert.input_side_px:
        return views_B3SS
    side = (expert.input_side_px, expert.input_side_px)
    # CPUs have no antialiased resampling in bf16.
    resized = F.interpolate(views_B3SS.float(), size=side, mode="bilinear", antialias=True)
    return resized.to(views_B3SS.dtype)


def views_to_tensor(views: list[npt.NDArray[np.uint8]]) -> Tensor:
    """uint8 views [S, S, 3] to float32 [B, 3, S, S] in 0..1."""
    stacked_BSS3 = torch.from_numpy(np.stack(views))
    return stacked_BSS3.permute(0, 3, 1, 2).float().div(255.0)


class ImageEncoderModel:
    """The image encoder stage's model: views in, features out."""

    def __init__(self, experts: VisualExperts, device: torch.device, dtype: torch.dtype) -> None:
        self._experts = experts.to(device, dtype).eval()
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
