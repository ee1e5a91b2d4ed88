"""The pixel perception module: a [SEG] state, or a bare prompt, to a mask.

A SAM-2-style mask decoder (transformers' class) reads the experts' grid, sharpened by the finer
maps. A query is either a [SEG] state or a region's token with its weights; both become sparse
tokens, and a coarse map of where the query points (its likeness to the grid, or the marked area)
becomes the dense prompt.

Q queries, N grid cells, C channels, W decoder width, D model width, G finest grid side,
H grid side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.sam2.configuration_sam2 import Sam2MaskDecoderConfig
from transformers.models.sam2.modeling_sam2 import Sam2MaskDecoder

from earthgptx.model.features import ImageFeatures
from earthgptx.model.presets import ModelConfig


def build_sam_decoder(config: ModelConfig, pyramid_channels: tuple[int, ...]) -> nn.Module:
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
    coarse, fine = pyramid_channels
    decoder.conv_s1 = nn.Conv2d(coarse, mask.width // 4, 1)
    decoder.conv_s0 = nn.Conv2d(fine, mask.width // 8, 1)
    return decoder


@dataclass(frozen=True)
class QueryTensors:
    """A batch of queries, each with the features of its own image.

    Exactly one of ``seg_states_QD`` and (``region_tokens_QD``, ``weights_QGG``) is given.
    """

    grid_QNC: Tensor
    pyramid: tuple[Tensor, ...]
    seg_states_QD: Tensor | None = None
    region_tokens_QD: Tensor | None = None
    weights_QGG: Tensor | None = None


class PixelPerception(nn.Module):
    """All that the mask decoder stage holds."""

    def __init__(
        self, config: ModelConfig, grid_channels: int, pyramid_channels: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.config = config
        width, mask = config.width, config.mask
        self.neck = nn.Sequential(nn.LayerNorm(grid_channels), nn.Linear(grid_channels, mask.width))
        self.position_1WHH = nn.Parameter(
            torch.randn(1, mask.width, config.grid_side, config.grid_side) * 0.02
        )
        sparse = mask.width * mask.sparse_tokens
        self.seg_in = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, sparse))
        self.region_in = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, sparse))
        self.likeness_query = nn.Linear(width, mask.width)
        self.likeness_dense = nn.Conv2d(1, mask.width, 1)
        fine = config.fine_side // config.grid_side
        self.region_dense = nn.Conv2d(1, mask.width, fine, fine)
        self.decoder = build_sam_decoder(config, pyramid_channels)

    def forward(self, queries: QueryTensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """Draws a mask a query.

        Returns:
            logits_QGG in the view's frame, score_Q (estimated IoU, 0..1), and for [SEG] queries
            the coarse likeness logits_QHH (trained against the shrunken mask), else None.
        """
        side = self.config.grid_side
        image_QWHH = self.neck(queries.grid_QNC).transpose(1, 2).unflatten(2, (side, side))
        likeness_QHH = None
        if queries.seg_states_QD is not None:
            sparse = self.seg_in(queries.seg_states_QD)
            likeness_QHH = self._likeness(queries.seg_states_QD, image_QWHH)
            dense = self.likeness_dense(likeness_QHH.sigmoid().unsqueeze(1))
        else:
            assert queries.region_tokens_QD is not None and queries.weights_QGG is not None
            sparse = self.region_in(queries.region_tokens_QD)
            dense = self.region_dense(queries.weights_QGG.unsqueeze(1))
        coarse_map, fine_map = queries.pyramid
        masks, scores, *_ = self.decoder(
            image_embeddings=image_QWHH,
            image_positional_embeddings=self.position_1WHH.expand(len(image_QWHH), -1, -1, -1),
            sparse_prompt_embeddings=sparse.unflatten(1, (1, -1, self.config.mask.width)),
            dense_prompt_embeddings=dense,
            multimask_output=False,
            high_resolution_features=[
                self.decoder.conv_s0(fine_map),
                self.decoder.conv_s1(coarse_map),
            ],
        )
        return masks[:, 0, 0], scores[:, 0, 0], likeness_QHH

    def _likeness(self, states_QD: Tensor, image_QWHH: Tensor) -> Tensor:
        query_QW = self.likeness_query(states_QD)
        scale = image_QWHH.shape[1] ** -0.5
        return torch.einsum("qw,qwij->qij", query_QW, image_QWHH) * scale


@dataclass(frozen=True)
class MaskQuery:
    """One mask wanted: by a [SEG] state, or by a region's token and weights."""

    image: ImageFeatures
    seg_state: Tensor | None = None
    region_token: Tensor | None = None
    region_weights: Tensor | None = None


@dataclass(frozen=True)
class MaskPrediction:
    """A mask in the view's frame.

    Attributes:
        logits_hw: float32 [G, G]; above 0 is inside.
        score: the decoder's estimate of the mask's IoU with the truth, 0..1.
    """

    logits_hw: npt.NDArray[np.float32]
    score: float


class MaskDecoderModel:
    """The mask decoder stage's model: queries in, masks in the view's frame out."""

    def __init__(self, network: PixelPerception, device: torch.device, dtype: torch.dtype) -> None:
        self._network = network.to(device, dtype).eval()
        self._device = device
        self._dtype = dtype

    @torch.inference_mode()
    def decode(self, queries: list[MaskQuery]) -> list[MaskPrediction]:
        """Decodes all queries; results in their order."""
        results: list[MaskPrediction | None] = [None] * len(queries)
        for by_seg in (True, False):
            chosen = [i for i, q in enumerate(queries) if (q.seg_state is not None) == by_seg]
            if not chosen:
                continue
            logits_QGG, score_Q, _ = self._network(self._stack([queries[i] for i in chosen]))
            for j, i in enumerate(chosen):
                logits = logits_QGG[j].float().cpu().numpy()
                results[i] = MaskPrediction(logits, float(score_Q[j]))
        return [r for r in results if r is not None]

    def _stack(self, queries: list[MaskQuery]) -> QueryTensors:
        def stacked(tensors: list[Tensor | None]) -> Tensor | None:
            if any(t is None for t in tensors):
                return None
            return torch.stack([t for t in tensors if t is not None]).to(self._device, self._dtype)

        grid = stacked([q.image.grid_NC for q in queries])
        levels = zip(*(q.image.pyramid for q in queries), strict=True)
        pyramid = [stacked(list(level)) for level in levels]
        assert grid is not None
        return QueryTensors(
            grid_QNC=grid,
            pyramid=tuple(level for level in pyramid if level is not None),
            seg_states_QD=stacked([q.seg_state for q in queries]),
            region_tokens_QD=stacked([q.region_token for q in queries]),
            weights_QGG=stacked([q.region_weights for q in queries]),
        )


def mask_losses(logits_QGG: Tensor, truth_QGG: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy and Dice loss, averaged over queries (LISA's pair)."""
    logits = logits_QGG.float().flatten(1)
    truth = truth_QGG.float().flatten(1)
    bce = F.binary_cross_entropy_with_logits(logits, truth)
    inside = logits.sigmoid()
    overlap = 2 * (inside * truth).sum(1) + 1
    dice = 1 - overlap / (inside.sum(1) + truth.sum(1) + 1)
    return bce, dice.mean()
