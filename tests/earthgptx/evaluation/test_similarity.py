import shutil
from pathlib import Path

import numpy as np
import pytest

from earthgptx.evaluation.similarity import cosines, load_sentence_encoder

# Cosines by the published usage of the model (transformers: mean of the tokens' states under the
# attention mask, length one), made by golden/make_cosines.py.
PAIRS = [
    ("ship", "harbor"),
    ("storage tank", "chimney"),
    ("A red ship.", "a red ship"),
    ("car", "car"),
]


def letters(texts: list[str]) -> np.ndarray:
    """Counts letters: texts with the same letters look alike."""
    return np.array([[text.count("a"), text.count("b")] for text in texts], np.float32)


def test_a_cosine_is_one_a_pair_and_silence_scores_zero() -> None:
    found = cosines(["a", "b", "", "ab"], ["aa", "a", "a", "ab"], letters)
    assert found == pytest.approx([1.0, 0.0, 0.0, 1.0])
    assert cosines([], [], letters).shape == (0,)


def test_every_text_is_encoded_once() -> None:
    asked: list[list[str]] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.append(texts)
        return letters(texts)

    cosines(["a", "a", "b"], ["b", "a", "a"], encode)
    assert asked == [["a", "b"]]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_cosines_are_those_of_all_minilm_l6_v2() -> None:
    encoder = load_sentence_encoder()
    assert not isinstance(encoder, dict), encoder
    said, true = zip(*PAIRS, strict=True)
    golden = np.loadtxt(Path(__file__).parent / "golden" / "cosines.txt")
    assert cosines(said, true, encoder.encode) == pytest.approx(golden, abs=1e-4)


def test_other_weights_never_stand_in(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    encoder = load_sentence_encoder(tmp_path)
    assert isinstance(encoder, dict)
    assert "does not hold the weights of sentence-transformers/all-MiniLM-L6-v2" in str(encoder)


def test_an_empty_folder_is_told_about(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    encoder = load_sentence_encoder(tmp_path)
    assert isinstance(encoder, dict)
    assert "model.safetensors" in encoder["unavailable"]
