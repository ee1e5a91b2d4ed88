"""SS: how near two labels are in meaning, by all-MiniLM-L6-v2 where that is at hand.

Without the package or its weights the score is "unavailable": nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

UNAVAILABLE = "unavailable"
_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class SentenceEncoder(Protocol):
    """Turns texts into vectors [N, D]."""

    def encode(self, sentences: list[str]) -> npt.NDArray[np.float32]:
        """One vector a text."""
        ...


def load_sentence_encoder() -> SentenceEncoder | None:
    """The encoder, from local files only; None where the package or the weights are missing."""
    try:
        from sentence_transformers import (  # type: ignore[import-not-found,unused-ignore]
            SentenceTransformer,
        )
    except ImportError:
        return None
    try:
        encoder: SentenceEncoder = SentenceTransformer(_MODEL, local_files_only=True)
    except (OSError, ValueError):
        return None
    return encoder


def semantic_similarity(
    predicted: Sequence[str], truth: Sequence[str], encoder: SentenceEncoder | None
) -> float | str:
    """Mean cosine of predicted and true texts; an empty prediction counts as 0."""
    if encoder is None or not predicted:
        return UNAVAILABLE
    vectors = [np.asarray(encoder.encode(list(texts)), np.float64) for texts in (predicted, truth)]
    lengths = [np.maximum(np.linalg.norm(v, axis=1), 1e-12) for v in vectors]
    cosines = (vectors[0] * vectors[1]).sum(axis=1) / (lengths[0] * lengths[1])
    said = np.array([bool(text.strip()) for text in predicted])
    return float(np.where(said, cosines, 0.0).mean())
