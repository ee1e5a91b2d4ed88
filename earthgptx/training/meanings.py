"""What a mask by words means: all of a label, or those of it that a qualifier picks.

The words of a [SEG] that mean one of these are known to the decoder before there are words: it has
learnt to draw a label, and a label with a qualifier (``dense_heads``).

Q mask queries, G finest grid side, I instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from earthgptx.data.instructions.facts import Facts
from earthgptx.data.instructions.qualifiers import QUALIFIERS, qualified
from earthgptx.training.dense_truth import UNKNOWN, label_number
from earthgptx.training.tensor_trees import each_tensor

NO_QUALIFIER = 0
_QUALIFIER_NUMBER = {word: number for number, word in enumerate(QUALIFIERS, start=1)}


@dataclass(frozen=True)
class Meaning:
    """A label's number in ``OBJECT_LABELS``, and of a qualifier (NO_QUALIFIER for all of it)."""

    label: int
    qualifier: int = NO_QUALIFIER


NO_MEANING = Meaning(UNKNOWN)

MaskGG = npt.NDArray[np.float32]
BoxesI4 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MaskTarget:
    """What one mask is to show.

    Attributes:
        mask_GG: share of each cell that it covers, 0..1.
        meaning: what words may mean by it.
        boxes_xyxy_unit_I4: its instances, in 0..1 of the view; None where they are not known, or
            where there are none to tell apart.
    """

    mask_GG: MaskGG
    meaning: Meaning = NO_MEANING
    boxes_xyxy_unit_I4: BoxesI4 | None = None


@dataclass(frozen=True)
class MeantMasks:
    """Targets, each of an image of the batch, with the numbers of its ``Meaning``.

    Attributes:
        boxes_QI4: in 0..1 of the view; zeros fill up.
        counted_Q: True where the instances are known.
    """

    images_Q: Tensor
    labels_Q: Tensor
    qualifiers_Q: Tensor
    masks_QGG: Tensor
    boxes_QI4: Tensor
    counted_Q: Tensor


def picked(meant: MeantMasks, keep_Q: Tensor) -> MeantMasks:
    """Those at the given places."""
    return each_tensor(meant, lambda tensor: tensor[keep_Q])


def joined(several: Sequence[MeantMasks]) -> MeantMasks:
    """All of several, in their order."""
    most = max(each.boxes_QI4.shape[1] for each in several)

    def filled(boxes_QI4: Tensor) -> Tensor:
        return F.pad(boxes_QI4, (0, 0, 0, most - boxes_QI4.shape[1]))

    return MeantMasks(
        images_Q=torch.cat([each.images_Q for each in several]),
        labels_Q=torch.cat([each.labels_Q for each in several]),
        qualifiers_Q=torch.cat([each.qualifiers_Q for each in several]),
        masks_QGG=torch.cat([each.masks_QGG for each in several]),
        boxes_QI4=torch.cat([filled(each.boxes_QI4) for each in several]),
        counted_Q=torch.cat([each.counted_Q for each in several]),
    )


def meaning_of(facts: Facts, indices: tuple[int, ...], qualifier: str) -> Meaning:
    """What a mask of these objects means; NO_MEANING if it is neither."""
    label = facts[indices[0]].label
    if qualifier:
        return Meaning(label_number(label), _QUALIFIER_NUMBER[qualifier])
    known = facts[indices[0]].stuff or facts.is_drawable(label)
    alike = {*facts.things.get(label, ()), *facts.stuff.get(label, ())}
    return Meaning(label_number(label)) if known and alike == set(indices) else NO_MEANING


def meanings_in(facts: Facts) -> dict[str, list[tuple[Meaning, tuple[int, ...]]]]:
    """By label: everything the decoder may be asked to draw of it, the label as a whole first.

    Labels of which too few instances are known are left out.
    """
    found: dict[str, list[tuple[Meaning, tuple[int, ...]]]] = {}
    for label, indices in facts.stuff.items():
        found[label] = [(Meaning(label_number(label)), indices)]
    for label in facts.things:
        if not facts.is_drawable(label):
            continue
        whole = (Meaning(label_number(label)), facts.things[label])
        parts = [
            (Meaning(label_number(label), _QUALIFIER_NUMBER[each.qualifier]), each.indices)
            for each in (qualified(facts, label) if facts.is_exhaustive(label) else ())
        ]
        found[label] = [whole, *parts]
    return {label: each for label, each in sorted(found.items()) if label_number(label) != UNKNOWN}
