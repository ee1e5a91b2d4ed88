"""Samples to packed tensors.

A row is one image with one set of marks; its questions are packed behind a shared prefix. A token
sees the prefix and its own question only, so k questions cost one prefix.

Sizes that vary from batch to batch are rounded up: on a CPU every new shape costs the compilation
of its matrix kernels, which took half of a step before.

B rows, L tokens, T image tokens a row, I images, R regions a row, Q mask queries, G finest grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from earthgptx.data.instructions.marked import MOST_REGIONS
from earthgptx.model.language_model import Words
from earthgptx.training.dense_heads import DenseTargets, stack_targets
from earthgptx.training.dense_truth import UNKNOWN
from earthgptx.training.meanings import MaskGG, MaskTarget, MeantMasks
from earthgptx.training.samples import Question, TrainingSample
from earthgptx.training.tensor_trees import each_tensor

LENGTH_STEP = 64
LABELS_STEP = 256
ROWS_STEP = 4


def rounded_up(count: int, step: int) -> int:
    """The least multiple of ``step`` that is not below ``count``."""
    return -(-count // step) * step


@dataclass(frozen=True)
class RegionTensors:
    """Marks of the rows that have any; ``image_of_row`` says which image a row looks at.

    ``labels_BR`` numbers what is marked; UNKNOWN where nothing is.
    """

    image_of_row: Tensor
    map_BKSS: Tensor
    boxes_BR4: Tensor
    kinds_BRK: Tensor
    places_BR4: Tensor
    weights_BRGG: Tensor
    valid_BR: Tensor
    labels_BR: Tensor


@dataclass(frozen=True)
class RowTensors:
    """Packed rows, either all with marks or all without.

    Attributes:
        ids_BL: token ids; image and region tokens are placeholders.
        segment_BL: 0 prefix, 1.. questions, -1 padding.
        positions_BL: position ids; each question continues the prefix.
        image_slots, region_slots: flat positions (row * L + column) of the placeholders; a region
            stands before the questions and wherever one names it.
        region_of_slot: flat index (row * R + region) for each region slot.
        asked_BL: True where a word of a question is.
        label_slots, labels, label_weights: flat positions whose next token is learnt.
        seg_slots: flat positions whose state predicts a [SEG] with a known mask.
        segs: image, true mask and meaning of each such [SEG].
    """

    image_of_row: Tensor
    ids_BL: Tensor
    segment_BL: Tensor
    positions_BL: Tensor
    image_slots: Tensor
    region_slots: Tensor
    region_of_slot: Tensor
    asked_BL: Tensor
    label_slots: Tensor
    labels: Tensor
    label_weights: Tensor
    seg_slots: Tensor
    segs: MeantMasks


@dataclass(frozen=True)
class Batch:
    """One step's data.

    Attributes:
        idle: rows that ask nothing, of the first image, for want of plain or marked ones.
    """

    views_ISS3: Tensor
    plain: RowTensors | None
    marked: RowTensors | None
    regions: RegionTensors | None
    region_rows: Tensor
    region_masks_QGG: Tensor
    dense: DenseTargets
    meant: MeantMasks
    idle: list[RowTensors]

    def pin_memory(self) -> Batch:
        """In memory that a GPU reads while others work; the data loader asks for it."""
        return each_tensor(self, Tensor.pin_memory)


@dataclass
class _Row:
    ids: list[int]
    segment: list[int]
    positions: list[int]
    image_columns: list[int]
    region_columns: list[tuple[int, int]]
    asked: list[int]
    labels: list[tuple[int, int, float]]
    segs: list[tuple[int, MaskTarget]]


def pack_batch(
    samples: list[TrainingSample], words: Words, image_tokens: int, evenly: bool = False
) -> Batch:
    """Packs samples into one batch.

    Args:
        samples: of one process's share.
        words: the tokenizer.
        image_tokens: of each image.
        evenly: the language model reads two packs of rows, whatever the samples are.
    """
    plain_rows = [
        (i, _pack_row(s.plain, s.modality, 0, words, image_tokens))
        for i, s in enumerate(samples)
        if s.plain
    ]
    drawn = [(i, s) for i, s in enumerate(samples) if s.raster is not None]
    # Repeated rows fill the last few places; nothing is learnt from them.
    with_marks = [drawn[k % len(drawn)] for k in range(rounded_up(len(drawn), ROWS_STEP))]
    # Marks that nothing is asked about are there to be drawn.
    asked = any(s.marked for s in samples)
    marked_rows = [
        (i, _pack_row(s.marked, s.modality, len(s.region_masks), words, image_tokens))
        for i, s in (with_marks if asked else [])
    ]
    for _, repeated in marked_rows[len(drawn) :]:
        repeated.labels = [(column, token, 0.0) for column, token, _ in repeated.labels]
        repeated.segs = []
    most = max([MOST_REGIONS, *(len(s.region_masks) for _, s in drawn)])
    known = [
        (row * most + r, mask)
        for row, (_, s) in enumerate(drawn)
        for r, mask in enumerate(s.region_masks)
        if mask is not None
    ]
    meant = [(i, target) for i, s in enumerate(samples) for target in s.meant]
    side = samples[0].view.shape[0] // 4
    nothing = _pack_row((), "", 0, words, image_tokens)
    lacking = (not plain_rows) + (not marked_rows) if evenly else 0
    return Batch(
        views_ISS3=torch.from_numpy(np.stack([s.view for s in samples])),
        plain=_row_tensors(plain_rows, words, 0, side) if plain_rows else None,
        marked=_row_tensors(marked_rows, words, most, side) if marked_rows else None,
        regions=_region_tensors(with_marks, len(drawn), most) if drawn else None,
        region_rows=torch.tensor([slot for slot, _ in known], dtype=torch.long),
        region_masks_QGG=_stack_masks([mask for _, mask in known], side),
        dense=stack_targets([s.dense for s in samples]),
        meant=_meant_masks(meant, side),
        idle=[_row_tensors([(0, nothing)], words, 0, side) for _ in range(lacking)],
    )


def _pack_row(
    questions: tuple[Question, ...], modality: str, regions: int, words: Words, image_tokens: int
) -> _Row:
    seen = words.modalities.get(modality, words.unknown_modality)
    ids = [words.bos, seen, words.image_start, *([words.pad] * image_tokens), words.image_end]
    region_columns = []
    for place in range(regions):
        ids += words.region_ids(place + 1)
        region_columns.append((len(ids), place))
        ids.append(words.pad)
    prefix = len(ids)
    row = _Row(
        ids=ids,
        segment=[0] * prefix,
        positions=list(range(prefix)),
        image_columns=list(range(3, 3 + image_tokens)),
        region_columns=region_columns,
        asked=[0] * prefix,
        labels=[],
        segs=[],
    )
    for number, question in enumerate(questions, start=1):
        _add_question(row, question, number, (prefix, regions), words)
    return row


def _add_question(
    row: _Row, question: Question, number: int, behind: tuple[int, int], words: Words
) -> None:
    """Adds question ``number`` behind a prefix of so many tokens with so many regions."""
    prefix, regions = behind
    with_regions = words.question_ids(question.question, regions)
    asked = with_regions.ids
    answer = words.answer_ids(question.answer)
    start = len(row.ids)
    row.region_columns += [(start + column, r) for column, r in with_regions.region_columns]
    ids = asked + answer
    row.ids += ids
    row.segment += [number] * len(ids)
    row.asked += [1] * len(asked) + [0] * len(answer)
    row.positions += range(prefix, prefix + len(ids))
    # A long caption must not drown the short answers, nor count as one of them.
    weight = len(answer) ** -0.5
    targets = iter(question.targets)
    for offset, token in enumerate(answer):
        column = start + len(asked) + offset - 1
        row.labels.append((column, token, weight))
        if token == words.seg:
            target = next(targets, None)
            if target is not None:
                row.segs.append((column, target))


def _row_tensors(
    rows: list[tuple[int, _Row]], words: Words, most_regions: int, side: int
) -> RowTensors:
    length = rounded_up(max(len(row.ids) for _, row in rows), LENGTH_STEP)

    def padded(name: str, fill: int) -> Tensor:
        out = torch.full((len(rows), length), fill, dtype=torch.long)
        for i, (_, row) in enumerate(rows):
            values = getattr(row, name)
            out[i, : len(values)] = torch.tensor(values)
        return out

    def flat(pairs: list[int]) -> Tensor:
        return torch.tensor(pairs, dtype=torch.long)

    labels = [(i * length + c, t, w) for i, (_, row) in enumerate(rows) for c, t, w in row.labels]
    labels += [(0, 0, 0.0)] * (rounded_up(len(labels), LABELS_STEP) - len(labels))
    segs = [
        (i * length + column, image, target)
        for i, (image, row) in enumerate(rows)
        for column, target in row.segs
    ]
    return RowTensors(
        image_of_row=flat([image for image, _ in rows]),
        ids_BL=padded("ids", words.pad),
        segment_BL=padded("segment", -1),
        positions_BL=padded("positions", 0),
        image_slots=flat(
            [i * length + c for i, (_, r) in enumerate(rows) for c in r.image_columns]
        ),
        region_slots=flat(
            [i * length + c for i, (_, r) in enumerate(rows) for c, _ in r.region_columns]
        ),
        region_of_slot=flat(
            [i * most_regions + k for i, (_, r) in enumerate(rows) for _, k in r.region_columns]
        ),
        asked_BL=padded("asked", 0).bool(),
        label_slots=flat([slot for slot, _, _ in labels]),
        labels=flat([token for _, token, _ in labels]),
        label_weights=torch.tensor([weight for _, _, weight in labels]),
        seg_slots=flat([slot for slot, _, _ in segs]),
        segs=_meant_masks([(image, target) for _, image, target in segs], side),
    )


def _region_tensors(
    with_marks: list[tuple[int, TrainingSample]], learnt: int, most: int
) -> RegionTensors:
    def padded(arrays: list[np.ndarray]) -> Tensor:  # type: ignore[type-arg]
        out = np.zeros((len(arrays), most, *arrays[0].shape[1:]), np.float32)
        for i, array in enumerate(arrays):
            out[i, : len(array)] = array
        return torch.from_numpy(out)

    rasters = [s.raster for _, s in with_marks if s.raster is not None]
    valid = torch.zeros(len(rasters), most, dtype=torch.bool)
    for i, raster in enumerate(rasters):
        valid[i, : len(raster.boxes_R4)] = True
    labels = torch.full((len(rasters), most), UNKNOWN)
    for i, (_, s) in enumerate(with_marks[:learnt]):
        labels[i, : len(s.region_labels)] = torch.tensor(s.region_labels)
    return RegionTensors(
        image_of_row=torch.tensor([i for i, _ in with_marks]),
        map_BKSS=torch.from_numpy(np.stack([r.map_KSS for r in rasters])),
        boxes_BR4=padded([r.boxes_R4 for r in rasters]),
        kinds_BRK=padded([r.kinds_RK for r in rasters]),
        places_BR4=padded([r.places_R4 for r in rasters]),
        weights_BRGG=padded([r.weights_RGG for r in rasters]),
        valid_BR=valid,
        labels_BR=labels,
    )


def _meant_masks(meant: list[tuple[int, MaskTarget]], side: int) -> MeantMasks:
    targets = [target for _, target in meant]
    boxes = [target.boxes_xyxy_unit_I4 for target in targets]
    boxes_QI4 = np.zeros((len(targets), max([0, *(len(b) for b in boxes if b is not None)]), 4))
    for place, boxes_I4 in enumerate(boxes):
        if boxes_I4 is not None:
            boxes_QI4[place, : len(boxes_I4)] = boxes_I4
    return MeantMasks(
        images_Q=torch.tensor([image for image, _ in meant], dtype=torch.long),
        labels_Q=torch.tensor([t.meaning.label for t in targets], dtype=torch.long),
        qualifiers_Q=torch.tensor([t.meaning.qualifier for t in targets], dtype=torch.long),
        masks_QGG=_stack_masks([target.mask_GG for target in targets], side),
        boxes_QI4=torch.from_numpy(boxes_QI4).float(),
        counted_Q=torch.tensor([b is not None for b in boxes], dtype=torch.bool),
    )


def _stack_masks(masks: list[MaskGG], side: int) -> Tensor:
    if not masks:
        return torch.zeros(0, side, side)
    return torch.from_numpy(np.stack(masks))
