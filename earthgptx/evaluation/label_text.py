"""Labels as text: cleaned, compared, and read from answers about several regions."""

from __future__ import annotations

import re
from collections.abc import Sequence

_REGION_LINE = re.compile(r"^region \d+\s*:\s*")
_NUMBERED_LINE = re.compile(r"^\W*region\s+(\d+)\W*?:\s*(.*)$", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:an?|the) ")


def normalised(text: str) -> str:
    """Lower case, one space between words, without article, "region 1:", or closing marks."""
    words = " ".join(text.lower().replace("_", " ").split())
    words = _REGION_LINE.sub("", words).strip(" .,:;!?\"'")
    return _ARTICLE.sub("", words)


def osprey_prediction(text: str) -> str:
    """As Osprey's ``lvis_paco_eval.py``: what follows the first colon; ``.,`` become spaces."""
    after = text.strip().split(":")[1] if ":" in text else text.strip()
    return after.replace(".", " ").replace(",", " ")


def osprey_truth(text: str) -> str:
    """As Osprey: ``_`` and ``:`` are spaces; case is kept."""
    return text.replace("_", " ").replace(":", " ")


def is_match(predicted: str, truth: str) -> bool:
    """The same words after normalising; an empty prediction matches nothing."""
    said = normalised(predicted)
    return bool(said) and said == normalised(truth)


def word_overlap(predicted: str, truth: str) -> float:
    """S-IoU: shared words over all words, as sets in lower case (Conti et al. 2023; Osprey).

    0 where neither text has a word (Osprey's own code divides by zero there).
    """
    said, true = set(predicted.lower().split()), set(truth.lower().split())
    union = said | true
    return len(said & true) / len(union) if union else 0.0


def labels_of_regions(text: str, count: int) -> Sequence[str]:
    """``Region 1: ship`` lines to one label a region; "" for a region that is not named.

    A region named twice keeps its first label; numbers beyond ``count`` are ignored. (SPHINX-V's
    evaluation drops regions that are not named, which raises its scores.)
    """
    labels = [""] * count
    for line in text.splitlines():
        found = _NUMBERED_LINE.match(line)
        if found and 1 <= int(found[1]) <= count and not labels[int(found[1]) - 1]:
            labels[int(found[1]) - 1] = found[2].strip()
    return labels
