"""One question with its answer, and a set of them that share marked regions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """A question about an image and the answer the model should write.

    Attributes:
        task: name of the task ("count", "refer", ...).
        question: plain words; marked regions are named ``<Region 1>``, ``<Region 2>``, ...
        answer: plain words with markup: ``<p>phrase</p>[SEG]``, ``<p>phrase</p>[x0,y0,x1,y1;...]``.
        seg_targets: for each ``[SEG]`` of the answer, in order, the indices of the objects whose
            masks united are its truth; all of them have masks, or, where the words count them,
            boxes at least.
        seg_qualifiers: for each of them which of its label they are, as ``qualifiers`` names it; ""
            where nothing says it; empty for "" throughout.
    """

    task: str
    question: str
    answer: str
    seg_targets: tuple[tuple[int, ...], ...] = ()
    seg_qualifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarkedSet:
    """Instructions about one tuple of marked objects.

    ``object_indices[k]`` is the object that is marked as ``<Region k+1>``; empty where the image
    has nothing to mark.
    """

    object_indices: tuple[int, ...]
    instructions: tuple[Instruction, ...]
