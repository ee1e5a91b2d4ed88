"""The four stages' networks as one, and its loss: text CE 1.0, mask BCE 2.0, Dice 0.5.

Two phases after the conv expert's close looks (``crops``): first perception (the helping heads of
``dense_heads`` and masks by mark), then words, with the conv expert frozen as the paper's are.

I images, B rows, L tokens, D width, Q mask queries, G finest grid side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.model.checkpoint import build_stage
from earthgptx.model.pixel_perception import PixelPerception, QueryTensors, mask_losses
from earthgptx.model.presets import ModelConfig
from earthgptx.model.prompt_encoder import PromptEncoder
from earthgptx.model.reasoner import ReasonerNetwork
from earthgptx.model.visual_experts import VisualExperts
from earthgptx.training.batches import Batch, RegionTensors, RowTensors, rounded_up
from earthgptx.training.dense_heads import DenseHeads
from earthgptx.training.initialise import start_from_nothing

WEIGHTS = {
    "text": 1.0,
    "bce": 2.0,
    "dice": 0.5,
    # Where a [SEG] points on the coarse grid, and how good a mask thinks it is: small helpers.
    "likeness": 0.5,
    "score": 0.1,
    "cells": 0.5,
    "regions": 1.0,
    "counts": 0.5,
    "image_word": 0.5,
}
MOST_SEG_QUERIES = 32
MOST_REGION_QUERIES = 16


@dataclass(frozen=True)
class Losses:
    """Each part of the loss of one batch, unweighted; ``total`` is weighted."""

    total: Tensor
    text: Tensor
    bce: Tensor
    dice: Tensor
    likeness: Tensor
    score: Tensor
    cells: Tensor
    regions: Tensor
    counts: Tensor
    image_word: Tensor

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The parts."""
        return tuple(name for name in cls.__dataclass_fields__ if name != "total")

    def floats(self) -> dict[str, float]:
        """The parts as numbers, for the log."""
        return {name: float(getattr(self, name).detach()) for name in self.__dataclass_fields__}


class TrainingNetwork(nn.Module):
    """All parts, trained together in one stage."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        stages = {name: build_stage(config, name) for name in _STAGES}
        self.image_encoder: VisualExperts = stages["image_encoder"]  # type: ignore[assignment]
        self.prompt_encoder: PromptEncoder = stages["prompt_encoder"]  # type: ignore[assignment]
        self.reasoner: ReasonerNetwork = stages["reasoner"]  # type: ignore[assignment]
        self.mask_decoder: PixelPerception = stages["mask_decoder"]  # type: ignore[assignment]
        start_from_nothing(self.image_encoder)
        self.dense = DenseHeads(config, self.image_encoder.grid_channels)

    def forward(self, batch: Batch, with_words: bool = True) -> Losses:
        """The losses of one batch.

        Args:
            batch: views with everything known about them.
            with_words: the second phase: questions are answered too.
        """
        views_I3SS = batch.views_ISS3.permute(0, 3, 1, 2).float().div(255.0)
        features = self.image_encoder(views_I3SS)
        _, tokens_ITD = self.reasoner.fusion(features[0], None)
        losses = {name: torch.zeros(()) for name in Losses.names()}
        losses["cells"] = self.dense.cells_loss(features[0], batch.dense)
        losses["counts"], losses["image_word"] = self.dense.summary_losses(
            tokens_ITD[:, -self.config.summary_tokens :], batch.dense
        )
        texts: list[TextSum] = []
        segs: list[SegQueries] = []
        if with_words and batch.plain is not None:
            tokens_BTD = tokens_ITD.index_select(0, batch.plain.image_of_row)
            self._answer(batch.plain, tokens_BTD, None, texts, segs)
        mask_parts = []
        if batch.regions is not None:
            tokens_BTD, looks_BRD, regions_BRD = self._understand_marks(batch.regions, features)
            losses["regions"] = self.dense.regions_loss(looks_BRD, batch.regions.labels_BR)
            if len(batch.region_rows):
                mask_parts.append(self._region_masks(batch, batch.regions, regions_BRD, features))
            if with_words and batch.marked is not None:
                self._answer(batch.marked, tokens_BTD, looks_BRD, texts, segs)
        if texts:
            losses["text"] = torch.stack([s for s, _ in texts]).sum() / sum(w for _, w in texts)
        if not with_words and len(batch.labels_Q):
            # Labels point first: when words come, the decoder already draws what a state means.
            states_QD = self.dense.label_states(batch.labels_Q)
            segs.append((states_QD, batch.label_images_Q, batch.label_masks_QGG))
        mask_parts += [self._seg_masks(features, *seg) for seg in segs if len(seg[0])]
        losses.update(_mask_means(mask_parts))
        return _weighted(losses)

    def freeze_conv_expert(self, still_settling: bool) -> None:
        """The conv expert learns no more; ``still_settling`` lets its batch norms go on looking."""
        self.image_encoder.conv.requires_grad_(False)
        self.image_encoder.conv.train(still_settling)

    def _understand_marks(
        self, regions: RegionTensors, features: tuple[Tensor, tuple[Tensor, ...]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Image tokens, region tokens for the language model, region tokens for the masks."""
        map_BMD = self.prompt_encoder.encode_map(regions.map_BKSS)
        regions_BRD = self.prompt_encoder.encode_regions(regions.boxes_BR4, regions.kinds_BRK)
        prompts_BPD = torch.cat([map_BMD, regions_BRD], dim=1)
        shown = torch.ones(map_BMD.shape[:2], dtype=torch.bool, device=map_BMD.device)
        valid_BP = torch.cat([shown, regions.valid_BR], dim=1)
        images = regions.image_of_row
        hybrid_BND, tokens_BTD = self.reasoner.fusion(
            features[0].index_select(0, images), prompts_BPD, valid_BP
        )
        looks_BRD = self.reasoner.regions(
            hybrid_BND,
            tuple(m.index_select(0, images) for m in features[1]),
            regions_BRD,
            regions.weights_BRGG,
        )
        return tokens_BTD, looks_BRD, regions_BRD

    def _answer(
        self,
        rows: RowTensors,
        tokens_BTD: Tensor,
        looks_BRD: Tensor | None,
        texts: list[TextSum],
        segs: list[SegQueries],
    ) -> None:
        """Reads and answers packed rows; appends to the text losses and the [SEG] states."""
        language = self.reasoner.language
        width = tokens_BTD.shape[-1]
        flat = language.get_input_embeddings()(rows.ids_BL).view(-1, width)
        flat = flat.index_put((rows.image_slots,), tokens_BTD.reshape(-1, width).to(flat.dtype))
        if looks_BRD is not None:
            looks = looks_BRD.reshape(-1, width)[rows.region_of_slot]
            flat = flat.index_put((rows.region_slots,), looks.to(flat.dtype))
        hidden = language.model(
            inputs_embeds=flat.view(*rows.ids_BL.shape, width),
            attention_mask=packed_mask(rows.segment_BL),
            position_ids=rows.positions_BL,
            use_cache=False,
        ).last_hidden_state.reshape(-1, width)
        logits = language.lm_head(hidden.index_select(0, rows.label_slots)).float()
        each = F.cross_entropy(logits, rows.labels, reduction="none")
        texts.append(((each * rows.label_weights).sum(), rows.label_weights.sum()))
        segs.append((hidden.index_select(0, rows.seg_slots), rows.seg_images, rows.seg_masks_QGG))

    def _seg_masks(
        self,
        features: tuple[Tensor, tuple[Tensor, ...]],
        states_QD: Tensor,
        images_Q: Tensor,
        truth_QGG: Tensor,
    ) -> tuple[Tensor, ...]:
        keep = _spread(len(states_QD), MOST_SEG_QUERIES)
        images_Q, truth_QGG = images_Q[keep], truth_QGG[keep]
        queries = QueryTensors(
            features[0].index_select(0, images_Q),
            tuple(m.index_select(0, images_Q) for m in features[1]),
            seg_states_QD=states_QD[keep],
        )
        return _mask_part(self.mask_decoder(queries), truth_QGG)

    def _region_masks(
        self,
        batch: Batch,
        regions: RegionTensors,
        regions_BRD: Tensor,
        features: tuple[Tensor, tuple[Tensor, ...]],
    ) -> tuple[Tensor, ...]:
        keep = _spread(len(batch.region_rows), MOST_REGION_QUERIES)
        slots, truth_QGG = batch.region_rows[keep], batch.region_masks_QGG[keep]
        images_Q = regions.image_of_row[slots // regions_BRD.shape[1]]
        queries = QueryTensors(
            features[0].index_select(0, images_Q),
            tuple(m.index_select(0, images_Q) for m in features[1]),
            region_tokens_QD=regions_BRD.flatten(0, 1)[slots],
            weights_QGG=regions.weights_BRGG.flatten(0, 1)[slots],
        )
        return _mask_part(self.mask_decoder(queries), truth_QGG)


# Sum of weighted losses and of weights; states, images and true masks of [SEG]s.
TextSum = tuple[Tensor, Tensor]
SegQueries = tuple[Tensor, Tensor, Tensor]

_STAGES = ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder")


def packed_mask(segment_BL: Tensor) -> Tensor:
    """Who may see whom, [B, 1, L, L] bool: the past of the prefix and of one's own question."""
    length = segment_BL.shape[1]
    causal_LL = torch.ones(length, length, dtype=torch.bool, device=segment_BL.device).tril()
    seen_B1L = segment_BL.unsqueeze(1)
    same_BLL = (seen_B1L == 0) | (seen_B1L == segment_BL.unsqueeze(2))
    itself_LL = torch.eye(length, dtype=torch.bool, device=segment_BL.device)
    return ((same_BLL & causal_LL) | itself_LL).unsqueeze(1)


def _spread(count: int, most: int) -> Tensor:
    """At most ``most`` indices below ``count``, evenly spread: bounds a step's cost.

    Rounded up to a multiple of 8 by naming some twice, so that few shapes occur.
    """
    wanted = min(rounded_up(count, 8), most)
    return torch.linspace(0, count - 1, wanted).round().long()


def _mask_part(
    drawn: tuple[Tensor, Tensor, Tensor | None], truth_QGG: Tensor
) -> tuple[Tensor, ...]:
    """Sum over queries of (bce, dice, likeness, score) losses, and the number of queries."""
    logits_QGG, score_Q, likeness_QHH = drawn
    count = len(truth_QGG)
    bce, dice = mask_losses(logits_QGG, truth_QGG)
    likeness = torch.zeros(())
    if likeness_QHH is not None:
        shrunk = F.adaptive_avg_pool2d(truth_QGG.unsqueeze(1), likeness_QHH.shape[-1])[:, 0]
        target = (shrunk > 0.15).float()
        likeness = sum(mask_losses(likeness_QHH, target), torch.zeros(()))
    inside, truth = logits_QGG.detach().float() > 0, truth_QGG > 0.5
    union = (inside | truth).sum((1, 2)).clamp_min(1)
    iou_Q = (inside & truth).sum((1, 2)) / union
    score = F.mse_loss(score_Q.float(), iou_Q.float())
    return bce * count, dice * count, likeness * count, score * count, torch.tensor(float(count))


def _mask_means(mask_parts: list[tuple[Tensor, ...]]) -> dict[str, Tensor]:
    if not mask_parts:
        return {}
    sums = [torch.stack(column).sum() for column in zip(*mask_parts, strict=True)]
    return dict(
        zip(("bce", "dice", "likeness", "score"), (part / sums[4] for part in sums), strict=False)
    )


def _weighted(losses: dict[str, Tensor]) -> Losses:
    total = sum((WEIGHTS[name] * part for name, part in losses.items()), torch.zeros(()))
    return Losses(total=total, **losses)
