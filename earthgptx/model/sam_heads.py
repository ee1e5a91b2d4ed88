"""SAM-style pixel heads: a query becomes sparse tokens and a dense prompt of a SAM decoder.

A query is either a [SEG] state or a region's token with its weights; both become sparse tokens,
and a coarse map of where the query points (its likeness to the image's cells, or the marked area)
becomes the dense prompt.

Q queries, I images, N grid cells, C channels, W decoder width, D width of a state or token, G
finest grid side, H side of the image embedding, F frequencies of positions, E waves of an axis
(W / 2).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from transformers.models.sam.configuration_sam import SamMaskDecoderConfig
from transformers.models.sam.modeling_sam import SamMaskDecoder
from transformers.models.sam2.configuration_sam2 import Sam2MaskDecoderConfig
from transformers.models.sam2.modeling_sam2 import Sam2MaskDecoder

from earthgptx.model.pixel_perception import PixelPerception, QueryTensors
from earthgptx.model.presets import ModelConfig


class _PromptedHead(PixelPerception):
    """What both SAM heads share: how a query becomes prompts."""

    def _add_prompt_layers(self, config: ModelConfig, embedding_side: int) -> None:
        state, mask = config.width, config.mask
        token = config.prompt_width
        sparse = mask.width * mask.sparse_tokens
        self.seg_in = nn.Sequential(nn.Linear(state, state), nn.ReLU(), nn.Linear(state, sparse))
        self.region_in = nn.Sequential(nn.Linear(token, token), nn.ReLU(), nn.Linear(token, sparse))
        self.likeness_query = nn.Linear(state, mask.width)
        self.likeness_dense = nn.Conv2d(1, mask.width, 1)
        fine = config.fine_side // embedding_side
        self.region_dense = nn.Conv2d(1, mask.width, fine, fine)

    def _prompts(
        self, queries: QueryTensors, image_QWHH: Tensor, position_1WHH: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Sparse tokens [Q, 1, tokens, W], dense prompt [Q, W, H, H], likeness_QHH or None."""
        likeness_QHH = None
        if queries.seg_states_QD is not None:
            sparse = self.seg_in(queries.seg_states_QD)
            # Words may say what is meant, and where.
            likeness_QHH = self._likeness(queries.seg_states_QD, image_QWHH + position_1WHH)
            dense = self.likeness_dense(likeness_QHH.sigmoid().unsqueeze(1))
        else:
            assert queries.region_tokens_QD is not None and queries.weights_QGG is not None
            sparse = self.region_in(queries.region_tokens_QD)
            dense = self.region_dense(queries.weights_QGG.unsqueeze(1))
        return sparse.unflatten(1, (1, -1, self.config.mask.width)), dense, likeness_QHH

    def _likeness(self, states_QD: Tensor, image_QWHH: Tensor) -> Tensor:
        query_QW = self.likeness_query(states_QD)
        scale = image_QWHH.shape[1] ** -0.5
        return torch.einsum("qw,qwij->qij", query_QW, image_QWHH) * scale


class Sam2Head(_PromptedHead):
    """A SAM 2 mask decoder (Ravi et al. 2024) on the experts' grid, sharpened by the finer maps."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        mask, channels = config.mask, config.grid_channels
        self.neck = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, mask.width))
        self.position_1WHH = nn.Parameter(position_waves(mask.width, config.grid_side))
        self._add_prompt_layers(config, config.grid_side)
        self.decoder = build_sam2_decoder(config)

    def forward(self, queries: QueryTensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """See ``PixelPerception``; the likeness is on the experts' grid."""
        side = self.config.grid_side
        image_IWHH = self.neck(queries.grid_INC).transpose(1, 2).unflatten(2, (side, side))
        coarse_map, fine_map = queries.pyramid
        skipped = (self.decoder.conv_s0(fine_map), self.decoder.conv_s1(coarse_map))
        image_QWHH = image_IWHH.index_select(0, queries.images_Q)
        sparse, dense, likeness_QHH = self._prompts(queries, image_QWHH, self.position_1WHH)
        masks, scores, *_ = self.decoder(
            image_embeddings=image_QWHH,
            image_positional_embeddings=self.position_1WHH.expand(len(image_QWHH), -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            high_resolution_features=[m.index_select(0, queries.images_Q) for m in skipped],
        )
        return masks[:, 0, 0], scores[:, 0, 0], likeness_QHH


def position_waves(width: int, side: int) -> Tensor:
    """Waves along x and y, [1, width, side, side], from half a wave a view to one in two cells.

    DETR's (``mask2former_head``) are mostly longer than a view: on so few cells they say little.

    Args:
        width: a multiple of 4: sine and cosine of each axis.
        side: cells.
    """
    waves_F = torch.logspace(math.log10(0.5), math.log10(side / 2), width // 4)
    along_H = (torch.arange(side) + 0.5) / side
    phases_FH = 2 * math.pi * waves_F.unsqueeze(1) * along_H
    waves_EH = torch.cat([phases_FH.sin(), phases_FH.cos()])
    x_EHH = waves_EH.unsqueeze(1).expand(-1, side, -1)
    y_EHH = waves_EH.unsqueeze(2).expand(-1, -1, side)
    return torch.cat([x_EHH, y_EHH]).unsqueeze(0)


def build_sam2_decoder(config: ModelConfig) -> nn.Module:
    """Transformers' SAM 2 mask decoder; its skip convolutions fitted to our pyramid."""
    mask = config.mask
    decoder_config = Sam2MaskDecoderConfig(
        hidden_size=mask.width,
        mlp_dim=mask.mlp_width,
        num_hidden_layers=mask.layers,
        num_attention_heads=mask.heads,
        iou_head_hidden_dim=mask.width,
        num_multimask_outputs=0,
        dynamic_multimask_via_stability=False,
    )
    decoder_config._attn_implementation = "sdpa"
    decoder = Sam2MaskDecoder(decoder_config)
    coarse, fine = config.pyramid_channels
    decoder.conv_s1 = nn.Conv2d(coarse, mask.width // 4, 1)
    decoder.conv_s0 = nn.Conv2d(fine, mask.width // 8, 1)
    return decoder


class SamHead(_PromptedHead):
    """SAM's own mask decoder on the map of SAM's own encoder (the first of the finer maps).

    Decoder, table of positions and the embedding for "no mask given" are those of a pretrained
    SAM; the dense prompts are added to that embedding and start at zero, so that the decoder
    begins as it was pretrained.
    """

    fourier_2F: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        assert config.sam is not None
        mask, self.side = config.mask, config.sam.side
        self.no_mask_W = nn.Parameter(torch.randn(mask.width) * 0.02)
        # A buffer, kept in float32: positions are phases of it.
        self.register_buffer("fourier_2F", torch.randn(2, mask.width // 2))
        self._add_prompt_layers(config, self.side)
        for layer in (self.likeness_dense, self.region_dense):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        decoder_config = SamMaskDecoderConfig(
            hidden_size=mask.width,
            mlp_dim=mask.mlp_width,
            num_hidden_layers=mask.layers,
            num_attention_heads=mask.heads,
            iou_head_hidden_dim=mask.width,
        )
        decoder_config._attn_implementation = "sdpa"
        self.decoder = SamMaskDecoder(decoder_config)

    def forward(self, queries: QueryTensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """See ``PixelPerception``; the likeness is on SAM's map."""
        image_QWHH = queries.pyramid[0].index_select(0, queries.images_Q)
        position_1WHH = self.positions().to(image_QWHH.dtype)
        sparse, dense, likeness_QHH = self._prompts(queries, image_QWHH, position_1WHH)
        masks, scores = self.decoder(
            image_embeddings=image_QWHH,
            image_positional_embeddings=position_1WHH.expand(len(image_QWHH), -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense + self.no_mask_W.view(1, -1, 1, 1),
            multimask_output=False,
        )
        return masks[:, 0, 0], scores[:, 0, 0], likeness_QHH

    def positions(self) -> Tensor:
        """Fourier features of the centres of SAM's cells, [1, W, H, H] (Tancik et al. 2020)."""
        along_H = (torch.arange(self.side, device=self.fourier_2F.device) + 0.5) / self.side
        y_HH, x_HH = torch.meshgrid(along_H, along_H, indexing="ij")
        at_HH2 = 2 * torch.stack([x_HH, y_HH], dim=-1) - 1
        phases_HHF = 2 * math.pi * (at_HH2 @ self.fourier_2F)
        return torch.cat([phases_HHF.sin(), phases_HHF.cos()], dim=-1).permute(2, 0, 1).unsqueeze(0)
