"""The four stages' networks as one, and the parts of its loss.

Three phases after the conv expert's close looks (``crops``): first perception (the helping heads of
``dense_heads`` and masks by mark), then words, with the conv expert frozen as the paper's are, then
refinement: both experts frozen, many masks a step, and their instances.

I images, B rows, L tokens, D width, Q mask queries, G finest grid side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.model.checkpoint import build_stage
from earthgptx.model.pixel_perception import PixelPerception, QueryTensors
from earthgptx.model.presets import ModelConfig
from earthgptx.model.prompt_encoder import PromptEncoder
from earthgptx.model.reasoner import ReasonerNetwork, Understood
from earthgptx.model.visual_experts import VisualExperts
from earthgptx.training.batches import Batch, RegionTensors, RowTensors, rounded_up
from earthgptx.training.dense_heads import DenseHeads
from earthgptx.training.dense_truth import label_number
from earthgptx.training.initialise import start_from_nothing
from earthgptx.training.instance_losses import instance_parts
from earthgptx.training.losses import Part, added, mask_parts
from earthgptx.training.meanings import MeantMasks, joined, picked
from earthgptx.training.tally_losses import tally_losses


@dataclass(frozen=True)
class MaskQueries:
    """How many masks a step draws at most, and of which: bounds its cost.

    Attributes:
        most_seg: of the answers of rows without marks, and as many of those with marks.
        most_meant: of meanings.
        most_region: of marks.
        most_counted: of the masks by words and meanings, those whose instances are looked for.
        meant_beside_words: meanings are drawn although there are words.
    """

    most_seg: int = 40
    most_meant: int = 40
    most_region: int = 16
    most_counted: int = 48
    meant_beside_words: bool = False


# States, and what they are to draw.
SegQueries = tuple[Tensor, MeantMasks]


@dataclass(frozen=True)
class Answered:
    """What answering packed rows gives."""

    text: Part
    segs: SegQueries


class TrainingNetwork(nn.Module):
    """All parts, trained together; a phase says which of them learn.

    Args:
        helped: the helping heads learn, and teach, too; without them words and masks are all.
        queries: which masks it draws; may be set anew between two phases.
    """

    def __init__(
        self, config: ModelConfig, helped: bool = True, queries: MaskQueries = MaskQueries()
    ) -> None:
        super().__init__()
        self.config = config
        self.helped = helped
        self.queries = queries
        stages = {name: build_stage(config, name) for name in _STAGES}
        self.image_encoder: VisualExperts = stages["image_encoder"]  # type: ignore[assignment]
        self.prompt_encoder: PromptEncoder = stages["prompt_encoder"]  # type: ignore[assignment]
        self.reasoner: ReasonerNetwork = stages["reasoner"]  # type: ignore[assignment]
        self.mask_decoder: PixelPerception = stages["mask_decoder"]  # type: ignore[assignment]
        start_from_nothing(self.image_encoder)
        self.dense = DenseHeads(config, self.image_encoder.grid_channels)

    def forward(self, batch: Batch, with_words: bool = True) -> dict[str, Part]:
        """The parts of the loss of one batch.

        Args:
            batch: views with everything known about them.
            with_words: the second phase: questions are answered too.
        """
        views_I3SS = batch.views_ISS3.permute(0, 3, 1, 2).float().div(255.0)
        features = self.image_encoder(views_I3SS)
        understood = self.reasoner.understand(features[0], None)
        parts = self._helping_parts(features[0], understood, batch) if self.helped else {}
        answers: list[Answered] = []
        masks = []
        if with_words and batch.plain is not None:
            rows = batch.plain.image_of_row
            tokens_BTD = understood.tokens_BTO.index_select(0, rows)
            written_BSO = _of_rows(understood.written_BSO, rows)
            answers.append(self._answer(batch.plain, tokens_BTD, None, written_BSO))
        if batch.regions is not None:
            regions = batch.regions
            regions_BRD = self.prompt_encoder.encode_regions(regions.boxes_BR4, regions.kinds_BRK)
            if len(batch.region_rows) and self.queries.most_region:
                masks.append(self._region_masks(batch, regions, regions_BRD, features))
            rows = batch.marked if with_words else None
            # Marks that are drawn alone need no understanding.
            if self.helped or rows is not None:
                marked, looks_BRD = self._understand_marks(regions, regions_BRD, features)
                if self.helped:
                    parts["regions"] = self.dense.regions_loss(looks_BRD, regions.labels_BR)
                if rows is not None:
                    answers.append(
                        self._answer(rows, marked.tokens_BTO, looks_BRD, marked.written_BSO)
                    )
        for idle in batch.idle if with_words else ():
            rows = idle.image_of_row
            written_BSO = _of_rows(understood.written_BSO, rows)
            answers.append(self._answer(idle, understood.tokens_BTO[rows], None, written_BSO))
        segs = [_bounded(answered.segs, self.queries.most_seg) for answered in answers]
        if not with_words or self.queries.meant_beside_words:
            meant = (self.dense.states_of(batch.meant), batch.meant)
            segs.append(_bounded(meant, self.queries.most_meant))
        segs = [each for each in segs if len(each.states_QD)]
        if segs:
            masks.append(self._seg_masks(features, _together(segs)))
        return added([parts, *(self._answer_parts(answered) for answered in answers), *masks])

    def _answer_parts(self, answered: Answered) -> dict[str, Part]:
        if not self.helped:
            return {"text": answered.text}
        return {"text": answered.text, "states": self.dense.states_loss(*answered.segs)}

    def _helping_parts(
        self, grid_INC: Tensor, understood: Understood, batch: Batch
    ) -> dict[str, Part]:
        grid_tokens = self.config.image_tokens_side**2
        whole = slice(grid_tokens, grid_tokens + self.config.summary_tokens)
        parts = {
            "cells": self.dense.cells_loss(grid_INC, batch.dense),
            "image_word": self.dense.image_word_loss(understood.tokens_BTO[:, whole], batch.dense),
        }
        if understood.tally is not None:
            numbers = [label_number(n) for n in self.config.tallied_labels]
            labels_S = torch.tensor(numbers, device=grid_INC.device)
            parts |= tally_losses(understood.tally, batch.dense, labels_S)
        return parts

    def calm_conv_expert(self, rests: bool, still_settling: bool) -> None:
        """Its batch norms stand still unless ``still_settling``; where it rests it learns no more.

        Their statistics were those of many batches: one batch at a time they would only shake.
        """
        if rests:
            self.image_encoder.conv.requires_grad_(False)
        self.image_encoder.conv.train(still_settling)

    def _understand_marks(
        self,
        regions: RegionTensors,
        regions_BRD: Tensor,
        features: tuple[Tensor, tuple[Tensor, ...]],
    ) -> tuple[Understood, Tensor]:
        """The marked images, and the region tokens that the language model reads."""
        map_BMD = self.prompt_encoder.encode_map(regions.map_BKSS)
        prompts_BPD = torch.cat([map_BMD, regions_BRD], dim=1)
        shown = torch.ones(map_BMD.shape[:2], dtype=torch.bool, device=map_BMD.device)
        valid_BP = torch.cat([shown, regions.valid_BR], dim=1)
        images = regions.image_of_row
        understood = self.reasoner.understand(
            features[0].index_select(0, images), prompts_BPD, valid_BP
        )
        looks_BRD = self.reasoner.regions(
            understood.hybrid_BND,
            tuple(m.index_select(0, images) for m in features[1]),
            regions_BRD,
            regions.weights_BRGG,
            regions.places_BR4,
        )
        return understood, looks_BRD

    def _answer(
        self,
        rows: RowTensors,
        tokens_BTD: Tensor,
        looks_BRD: Tensor | None,
        written_BSO: Tensor | None,
    ) -> Answered:
        """Reads and answers packed rows."""
        language = self.reasoner.language
        width = tokens_BTD.shape[-1]
        words_BLD = language.get_input_embeddings()(rows.ids_BL)
        found_BLD = self.reasoner.look_up(words_BLD, written_BSO)
        flat = torch.where(rows.asked_BL.unsqueeze(-1), found_BLD, words_BLD).view(-1, width)
        flat = flat.index_put((rows.image_slots,), tokens_BTD.reshape(-1, width).to(flat.dtype))
        if looks_BRD is not None:
            looks = looks_BRD.reshape(-1, width)[rows.region_of_slot]
            flat = flat.index_put((rows.region_slots,), looks.to(flat.dtype))
        hidden = language.base_model(
            inputs_embeds=flat.view(*rows.ids_BL.shape, width),
            attention_mask=packed_mask(rows.segment_BL),
            position_ids=rows.positions_BL,
            use_cache=False,
        ).last_hidden_state.reshape(-1, width)
        logits = language.get_output_embeddings()(hidden.index_select(0, rows.label_slots)).float()
        each = F.cross_entropy(logits, rows.labels, reduction="none")
        states_QD = hidden.index_select(0, rows.seg_slots)
        return Answered(
            ((each * rows.label_weights).sum(), rows.label_weights.sum()),
            (states_QD, rows.segs),
        )

    def _seg_masks(
        self, features: tuple[Tensor, tuple[Tensor, ...]], wanted: _Wanted
    ) -> dict[str, Part]:
        meant = wanted.meant
        queries = QueryTensors(*features, meant.images_Q, seg_states_QD=wanted.states_QD)
        drawn = self.mask_decoder(queries)
        counted_Q = meant.counted_Q & (wanted.weights_Q > 0)
        parts = mask_parts(drawn, meant.masks_QGG, wanted.weights_Q)
        return parts | self._instances(queries, drawn[0], counted_Q, meant.boxes_QI4)

    def _instances(
        self, queries: QueryTensors, logits_QGG: Tensor, counted_Q: Tensor, boxes_QI4: Tensor
    ) -> dict[str, Part]:
        """Some of the masks whose instances are known are looked at for them."""
        head = self.mask_decoder.instances
        known = counted_Q.nonzero()[:, 0]
        most = min(self.queries.most_counted, len(known))
        if head is None or not most:
            return {}
        looked = known[_evenly(len(known), most, known.device)]
        images_Q = queries.images_Q[looked]
        found = head(queries.grid_INC, queries.pyramid, images_Q, logits_QGG[looked])
        return instance_parts(found, boxes_QI4[looked])

    def _region_masks(
        self,
        batch: Batch,
        regions: RegionTensors,
        regions_BRD: Tensor,
        features: tuple[Tensor, tuple[Tensor, ...]],
    ) -> dict[str, Part]:
        most = self.queries.most_region
        keep, weights_Q = _spread(len(batch.region_rows), most, regions_BRD.device)
        slots, truth_QGG = batch.region_rows[keep], batch.region_masks_QGG[keep]
        images_Q = regions.image_of_row[slots // regions_BRD.shape[1]]
        queries = QueryTensors(
            *features,
            images_Q,
            region_tokens_QD=regions_BRD.flatten(0, 1)[slots],
            weights_QGG=regions.weights_BRGG.flatten(0, 1)[slots],
        )
        return mask_parts(self.mask_decoder(queries), truth_QGG, weights_Q)


@dataclass(frozen=True)
class _Wanted:
    """Masks to draw of states; what only fills up weighs nothing."""

    states_QD: Tensor
    meant: MeantMasks
    weights_Q: Tensor


def _bounded(segs: SegQueries, most: int) -> _Wanted:
    """At most so many of them."""
    states_QD, meant = segs
    keep, weights_Q = _spread(len(states_QD), most, states_QD.device)
    return _Wanted(states_QD[keep], picked(meant, keep), weights_Q)


def _together(several: list[_Wanted]) -> _Wanted:
    """One pass through the decoder for all: many small ones cost a GPU more."""
    return _Wanted(
        torch.cat([each.states_QD for each in several]),
        joined([each.meant for each in several]),
        torch.cat([each.weights_Q for each in several]),
    )


_STAGES = ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder")


def packed_mask(segment_BL: Tensor) -> Tensor:
    """Who may see whom, [B, 1, L, L] bool: the past of the prefix and of one's own question."""
    length = segment_BL.shape[1]
    causal_LL = torch.ones(length, length, dtype=torch.bool, device=segment_BL.device).tril()
    seen_B1L = segment_BL.unsqueeze(1)
    same_BLL = (seen_B1L == 0) | (seen_B1L == segment_BL.unsqueeze(2))
    itself_LL = torch.eye(length, dtype=torch.bool, device=segment_BL.device)
    return ((same_BLL & causal_LL) | itself_LL).unsqueeze(1)


def _of_rows(images: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if images is None else images.index_select(0, rows)


def _evenly(count: int, most: int, device: torch.device) -> Tensor:
    """``most`` indices below ``count``, evenly spread."""
    return torch.linspace(0, count - 1, most, device=device).round().long()


def _spread(count: int, most: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """At most ``most`` indices below ``count``, evenly spread: bounds a step's cost.

    Rounded up to a multiple of 8, so that few shapes occur: what fills up weighs nothing.
    """
    if count > most:
        return _evenly(count, most, device), torch.ones(most, device=device)
    places = torch.arange(rounded_up(count, 8), device=device)
    return places.clamp_max(count - 1), (places < count).float()
