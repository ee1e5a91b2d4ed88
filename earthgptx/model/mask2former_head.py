"""A Mask2Former-style pixel head: the experts' maps through a deformable pixel decoder, then a
query of each mask through masked attention (Cheng et al. 2022).

Mask2Former asks with learnt queries and sorts its answers out afterwards; here a query is made of
a [SEG] state, or of a region's token and what lies under its mark, so each gives one mask.

Q queries, I images, N grid cells, C channels, W width, D width of a state or token, T tokens of a
query, G finest grid side, H grid side, F side of the finest map, L cells of a level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.mask2former.configuration_mask2former import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import (
    Mask2FormerMaskedAttentionDecoder,
    Mask2FormerPixelDecoder,
    Mask2FormerPreTrainedModel,
)

from earthgptx.model.pixel_perception import PixelPerception, QueryTensors
from earthgptx.model.presets import ModelConfig

LEVELS = 3


class Mask2FormerHead(PixelPerception):
    """Mask2Former's two decoders, asked by [SEG] states and regions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        state, mask = config.width, config.mask
        token = config.prompt_width
        out = mask.width * mask.sparse_tokens
        self.seg_in = nn.Sequential(nn.Linear(state, state), nn.ReLU(), nn.Linear(state, out))
        self.region_in = nn.Sequential(nn.Linear(token, token), nn.ReLU(), nn.Linear(token, out))
        self.under_mark = nn.Linear(mask.width, mask.width)
        self.query_positions_TW = nn.Parameter(torch.randn(mask.sparse_tokens, mask.width) * 0.02)
        self.level_LW = nn.Parameter(torch.randn(LEVELS, mask.width) * 0.02)
        self.score = nn.Linear(mask.width, 1)
        self.decoders = _Decoders(config)

    def forward(self, queries: QueryTensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """See ``PixelPerception``; the likeness is the mask before any layer, on the grid."""
        decoded = self.decoders.pixel_decoder(self._maps(queries), return_dict=True)
        features_QWFF = decoded.mask_features.index_select(0, queries.images_Q)
        levels = [m.index_select(0, queries.images_Q) for m in decoded.multi_scale_features]
        tokens_QTW = self._tokens(queries, features_QWFF)
        logits_QFF, first_QFF, last_QW = self._attend(tokens_QTW, features_QWFF, levels)
        side = self.config.fine_side
        logits_QGG = logits_QFF
        if logits_QFF.shape[-1] != side:
            logits_QGG = F.interpolate(logits_QFF.unsqueeze(1), size=(side, side), mode="bilinear")
            logits_QGG = logits_QGG[:, 0]
        likeness_QHH = None
        if queries.seg_states_QD is not None:
            likeness_QHH = F.adaptive_avg_pool2d(first_QFF, self.config.grid_side)
        return logits_QGG, self.score(last_QW)[:, 0].sigmoid(), likeness_QHH

    def _maps(self, queries: QueryTensors) -> list[Tensor]:
        """Maps [I, C, side, side] of four strides, fine to coarse."""
        side = self.config.grid_side
        grid_ICHH = queries.grid_INC.transpose(1, 2).unflatten(2, (side, side))
        maps = [*reversed(queries.pyramid), grid_ICHH]
        if len(maps) == LEVELS:
            maps.append(F.avg_pool2d(grid_ICHH, 2))
        return maps

    def _tokens(self, queries: QueryTensors, features_QWFF: Tensor) -> Tensor:
        """What is asked, [Q, T, W]; the mask is that of the first token."""
        if queries.seg_states_QD is not None:
            return self.seg_in(queries.seg_states_QD).unflatten(1, (-1, self.config.mask.width))
        assert queries.region_tokens_QD is not None and queries.weights_QGG is not None
        tokens_QTW = self.region_in(queries.region_tokens_QD).unflatten(
            1, (-1, self.config.mask.width)
        )
        weights_QFF = F.adaptive_avg_pool2d(queries.weights_QGG, features_QWFF.shape[-1])
        share_QFF = weights_QFF / weights_QFF.sum((1, 2), keepdim=True).clamp_min(1e-6)
        under_QW = torch.einsum("qwij,qij->qw", features_QWFF, share_QFF.to(features_QWFF.dtype))
        return tokens_QTW + self.under_mark(under_QW).unsqueeze(1)

    def _attend(
        self, tokens_QTW: Tensor, features_QWFF: Tensor, levels: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks after and before all layers, and the last state of the mask's token."""
        cells_LQW = [
            level.flatten(2).permute(2, 0, 1) + self.level_LW[i] for i, level in enumerate(levels)
        ]
        positions = [sine_positions(level).flatten(2).permute(2, 0, 1) for level in levels]
        attended = self.decoders.masked_decoder(
            inputs_embeds=tokens_QTW.transpose(0, 1),
            multi_stage_positional_embeddings=positions,
            pixel_embeddings=features_QWFF,
            encoder_hidden_states=cells_LQW,
            query_position_embeddings=self.query_positions_TW.unsqueeze(1).expand(
                -1, len(tokens_QTW), -1
            ),
            feature_size_list=[level.shape[-2:] for level in levels],
            return_dict=True,
        )
        masks = attended.masks_queries_logits
        return masks[-1][:, 0], masks[0][:, 0], attended.intermediate_hidden_states[-1][0]


class _Decoders(Mask2FormerPreTrainedModel):
    """Both decoders as transformers builds and initialises them."""

    def __init__(self, config: ModelConfig) -> None:
        mask = config.mask
        super().__init__(
            Mask2FormerConfig(
                feature_size=mask.width,
                mask_feature_size=mask.width,
                hidden_dim=mask.width,
                encoder_feedforward_dim=mask.mlp_width,
                dim_feedforward=mask.mlp_width,
                encoder_layers=mask.encoder_layers,
                # Mask2Former counts the prediction before the first layer too.
                decoder_layers=mask.layers + 1,
                num_attention_heads=mask.heads,
            )
        )
        channels = [*reversed(config.pyramid_channels), config.grid_channels]
        if len(channels) == LEVELS:
            channels.append(config.grid_channels)
        self.pixel_decoder = Mask2FormerPixelDecoder(self.config, channels)
        self.pixel_decoder.position_embedding = _SinePositions(mask.width // 2)
        self.masked_decoder = Mask2FormerMaskedAttentionDecoder(self.config)
        self.post_init()

    @classmethod
    def is_custom_code(cls) -> bool:
        """False: the parts are transformers' own, to be initialised as such.

        What it takes for foreign code it initialises parameter by parameter, and passes over
        modules that hold none themselves, as the deformable attention.
        """
        return False


class _SinePositions(nn.Module):
    """In place of transformers' own, which keeps its last table for all callers in the process:
    one made in inference mode, or without memory, would then be met in training.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(
        self, shape: torch.Size, device: torch.device, dtype: torch.dtype, mask: None = None
    ) -> Tensor:
        """Positions [B, 2 * features, H, W] of a map of this shape."""
        table = sine_table(shape[-1], 2 * self.features, device).to(dtype)
        return table.expand(shape[0], -1, -1, -1)


def sine_positions(map_BWHH: Tensor) -> Tensor:
    """Positions of a square map, like it in shape, device and dtype."""
    table = sine_table(map_BWHH.shape[-1], map_BWHH.shape[1], map_BWHH.device)
    return table.to(map_BWHH.dtype).expand(len(map_BWHH), -1, -1, -1)


def sine_table(side: int, width: int, device: torch.device) -> Tensor:
    """Sine positions [1, W, side, side]: of rows, then of columns (Carion et al. 2020)."""
    half = width // 2
    along = torch.arange(1, side + 1, device=device) / side * 2 * math.pi
    octave = torch.arange(half, device=device) // 2 * 2
    phases = along.unsqueeze(1) / 10_000 ** (octave / half)
    table = torch.stack([phases[:, 0::2].sin(), phases[:, 1::2].cos()], dim=2).flatten(1)
    rows = table[:, None].expand(side, side, half)
    columns = table[None].expand(side, side, half)
    return torch.cat([rows, columns], dim=2).permute(2, 0, 1).unsqueeze(0)
