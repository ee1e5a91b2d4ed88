"""What is where in a view, cell by cell, and how many there are: truth that needs no words.

C labels (``OBJECT_LABELS``), H cells per side of the experts' grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.data.labelled_image import LabelledImage, MaskHW
from earthgptx.data.vocabulary import IMAGE_WORDS, OBJECT_LABELS
from earthgptx.model.tallies import MOST_COUNTED

UNKNOWN = -1
# A cell belongs to a thing that covers this share of it, or half of what the thing covers anywhere.
COVERED_SHARE = 0.2
TOUCHED_SHARE = 0.02
LEAST_COVERED = 1e-6

_LABEL_NUMBER = {label: number for number, label in enumerate(OBJECT_LABELS)}
_WORD_NUMBER = {word: number for number, word in enumerate(IMAGE_WORDS)}


@dataclass(frozen=True)
class DenseTruth:
    """Targets of the helping heads; UNKNOWN is left out of every loss.

    Attributes:
        cells_CHH: int8; 1 where a label is, 0 where it surely is not.
        counts_C: int64; instances of each label, at most MOST_COUNTED; a substance counts as one.
        instances_CHH: float32; how much of each label's instances is in a cell; sums to the count
            (without that limit).
        image_word: number of the whole image's word in ``IMAGE_WORDS``.
    """

    cells_CHH: npt.NDArray[np.int8]
    counts_C: npt.NDArray[np.int64]
    instances_CHH: npt.NDArray[np.float32]
    image_word: int


def label_number(label: str) -> int:
    """The label's place in ``OBJECT_LABELS``; UNKNOWN for a label nobody listed."""
    return _LABEL_NUMBER.get(label, UNKNOWN)


def dense_truth(
    view: LabelledImage, mask_of: Callable[[int], MaskHW], grid_side: int
) -> DenseTruth:
    """The truth of a square view.

    Args:
        view: labels in the view's own pixels.
        mask_of: the mask [S, S] of object ``index``.
        grid_side: H.
    """
    labels = len(OBJECT_LABELS)
    cells_CHH = np.full((labels, grid_side, grid_side), UNKNOWN, np.int8)
    counts_C = np.full(labels, UNKNOWN, np.int64)
    instances_CHH = np.zeros((labels, grid_side, grid_side), np.float32)
    substances = {thing.label for thing in view.objects if thing.stuff}
    for label in (view.exhaustive | substances) & _LABEL_NUMBER.keys():
        cells_CHH[_LABEL_NUMBER[label]] = 0
    for label in (view.exhaustive | view.absent_stuff | substances) & _LABEL_NUMBER.keys():
        counts_C[_LABEL_NUMBER[label]] = 0
    for index, thing in enumerate(view.objects):
        number = label_number(thing.label)
        if number == UNKNOWN:
            continue
        covered_HH = _covered(mask_of(index), grid_side)
        _mark_cells(cells_CHH[number], covered_HH)
        if counts_C[number] != UNKNOWN:
            counts_C[number] += 1
            instances_CHH[number] += covered_HH / max(float(covered_HH.sum()), LEAST_COVERED)
    for label in substances & _LABEL_NUMBER.keys():
        number = _LABEL_NUMBER[label]
        instances_CHH[number] /= counts_C[number]
        counts_C[number] = 1
    word = view.image_label or view.scene or ""
    return DenseTruth(
        cells_CHH,
        counts_C.clip(max=MOST_COUNTED),
        instances_CHH,
        _WORD_NUMBER.get(word, UNKNOWN),
    )


def _covered(mask_SS: MaskHW, grid_side: int) -> npt.NDArray[np.float32]:
    """The share of each cell that the mask covers."""
    size = (grid_side, grid_side)
    covered_HH = cv2.resize(mask_SS.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(covered_HH, np.float32)


def _mark_cells(cells_HH: npt.NDArray[np.int8], covered_HH: npt.NDArray[np.float32]) -> None:
    most = float(covered_HH.max())
    if most == 0.0:
        return
    cells_HH[(covered_HH > TOUCHED_SHARE) & (cells_HH == 0)] = UNKNOWN
    cells_HH[covered_HH >= min(COVERED_SHARE, most / 2)] = 1
