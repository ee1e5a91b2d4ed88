"""The pixel perception module: a [SEG] state, or a bare prompt, to a mask.

One interface, ``PixelPerception``; the heads behind it are in ``sam_heads`` and
``mask2former_head``, chosen by ``mask.head`` of the configuration.

What tells the instances of a mask apart (``instance_head``) sits beside any of them.

Q queries, I images, N grid cells, C channels, D width of a state or token, G finest grid side,
H side of the coarse map.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.model.features import ImageFeatures
from earthgptx.model.instance_head import InstanceHead, Instances, read_instances
from earthgptx.model.presets import ModelConfig


@dataclass(frozen=True)
class QueryTensors:
    """A batch of queries about some images: what is made of an image is made of it once.

    Exactly one of ``seg_states_QD`` and (``region_tokens_QD``, ``weights_QGG``) is given.

    Attributes:
        grid_INC, pyramid: the images' features.
        images_Q: int64; the image that each query is about.
    """

    grid_INC: Tensor
    pyramid: tuple[Tensor, ...]
    images_Q: Tensor
    seg_states_QD: Tensor | None = None
    region_tokens_QD: Tensor | None = None
    weights_QGG: Tensor | None = None


class PixelPerception(nn.Module, ABC):
    """All that the mask decoder stage holds: a pixel head, and what finds instances or None."""

    config: ModelConfig
    instances: InstanceHead | None

    @abstractmethod
    def forward(self, queries: QueryTensors) -> tuple[Tensor, Tensor, Tensor | None]:
        """Draws a mask a query.

        Returns:
            logits_QGG in the view's frame, score_Q (estimated IoU, about 0..1), and for [SEG]
            queries the coarse likeness logits_QHH (trained against the shrunken mask), else None.
        """


def build_pixel_perception(config: ModelConfig) -> PixelPerception:
    """The head that ``config.mask.head`` names, with random weights."""
    head = _build_head(config)
    counts = config.mask.instance_width > 0
    head.add_module("instances", InstanceHead(config) if counts else None)
    return head


def _build_head(config: ModelConfig) -> PixelPerception:
    if config.mask.head == "mask2former":
        from earthgptx.model.mask2former_head import Mask2FormerHead

        return Mask2FormerHead(config)
    from earthgptx.model.sam_heads import Sam2Head, SamHead

    return Sam2Head(config) if config.mask.head == "sam2" else SamHead(config)


@dataclass(frozen=True)
class MaskQuery:
    """One mask wanted: by a [SEG] state, or by a region's token and weights.

    Attributes:
        counted: its instances are wanted, too.
    """

    image: ImageFeatures
    seg_state: Tensor | None = None
    region_token: Tensor | None = None
    region_weights: Tensor | None = None
    counted: bool = False


@dataclass(frozen=True)
class MaskPrediction:
    """A mask in the view's frame.

    Attributes:
        logits_hw: float32 [G, G]; above 0 is inside.
        score: the decoder's estimate of the mask's IoU with the truth, 0..1.
        instances: where they were wanted and the model finds any; else None.
    """

    logits_hw: npt.NDArray[np.float32]
    score: float
    instances: Instances | None = None


class MaskDecoderModel:
    """The mask decoder stage's model: queries in, masks in the view's frame out.

    Args:
        network: with parameters of ``dtype``; tables of positions stay in float32.
    """

    def __init__(self, network: PixelPerception, device: torch.device, dtype: torch.dtype) -> None:
        self._network = network.to(device).eval()
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
            stacked = self._stack([queries[i] for i in chosen])
            logits_QGG, score_Q, _ = self._network(stacked)
            counted = [j for j, i in enumerate(chosen) if queries[i].counted]
            found = self._count(stacked, logits_QGG, counted)
            for j, i in enumerate(chosen):
                logits = logits_QGG[j].float().cpu().numpy()
                score = min(max(float(score_Q[j]), 0.0), 1.0)
                results[i] = MaskPrediction(logits, score, found.get(j))
        return [r for r in results if r is not None]

    def _count(
        self, queries: QueryTensors, logits_QGG: Tensor, counted: list[int]
    ) -> dict[int, Instances]:
        """Instances of these queries' masks, by their place in the batch."""
        head = self._network.instances
        if head is None or not counted:
            return {}
        images_Q = queries.images_Q[counted]
        maps = head(queries.grid_INC, queries.pyramid, images_Q, logits_QGG[counted])
        return dict(zip(counted, read_instances(maps, logits_QGG[counted]), strict=True))

    def _stack(self, queries: list[MaskQuery]) -> QueryTensors:
        def stacked(tensors: list[Tensor | None]) -> Tensor | None:
            if any(t is None for t in tensors):
                return None
            return torch.stack([t for t in tensors if t is not None]).to(self._device, self._dtype)

        images = {id(q.image): q.image for q in queries}
        places = {key: place for place, key in enumerate(images)}
        grid = stacked([image.grid_NC for image in images.values()])
        levels = zip(*(image.pyramid for image in images.values()), strict=True)
        pyramid = [stacked(list(level)) for level in levels]
        assert grid is not None
        return QueryTensors(
            grid_INC=grid,
            pyramid=tuple(level for level in pyramid if level is not None),
            images_Q=torch.tensor([places[id(q.image)] for q in queries], device=self._device),
            seg_states_QD=stacked([q.seg_state for q in queries]),
            region_tokens_QD=stacked([q.region_token for q in queries]),
            weights_QGG=stacked([q.region_weights for q in queries]),
        )


def mask_losses(logits_QGG: Tensor, truth_QGG: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy and Dice loss (LISA's pair) of each query, bce_Q and dice_Q."""
    logits = logits_QGG.float().flatten(1)
    truth = truth_QGG.float().flatten(1)
    bce_Q = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(1)
    inside = logits.sigmoid()
    overlap = 2 * (inside * truth).sum(1) + 1
    return bce_Q, 1 - overlap / (inside.sum(1) + truth.sum(1) + 1)
