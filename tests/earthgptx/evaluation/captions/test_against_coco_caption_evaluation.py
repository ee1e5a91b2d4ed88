"""Held against what pycocoevalcap says of the same sentences (golden/make_captions.py)."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.evaluation.captions.bleu import bleu_of_sums, bleu_statistics
from earthgptx.evaluation.captions.cider import cider_d
from earthgptx.evaluation.captions.java_metrics import meteor, spice
from earthgptx.evaluation.captions.rouge import rouge_l
from earthgptx.evaluation.captions.scores import add_caption_scores
from earthgptx.evaluation.captions.tokens import tokenise
from earthgptx.evaluation.intervals import Resamples
from earthgptx.evaluation.tally import Tally

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "captions.json").read_text())
SAID = [words["said"].split() for words in GOLDEN["words"]]
TRUE = [[r.split() for r in words["references"]] for words in GOLDEN["words"]]

word = st.sampled_from(["a", "red", "ship", "at", "the", "top", "left", "two"])
caption = st.lists(word, max_size=9)
references = st.lists(st.lists(word, min_size=1, max_size=9), min_size=1, max_size=3)


@pytest.mark.parametrize("sentence", GOLDEN["sentences"])
def test_words_are_those_of_stanfords_tokeniser(sentence: str) -> None:
    assert " ".join(tokenise(sentence)) == GOLDEN["sentences"][sentence]


def test_captions_are_split_into_the_same_words() -> None:
    for raw, said, true in zip(GOLDEN["captions"], SAID, TRUE, strict=True):
        assert tokenise(raw["said"]) == said
        assert [tokenise(r) for r in raw["references"]] == true


def test_bleu_of_the_corpus_is_the_references() -> None:
    sums = sum(bleu_statistics(said, true) for said, true in zip(SAID, TRUE, strict=True))
    assert bleu_of_sums(np.asarray(sums)) == pytest.approx(GOLDEN["scores"]["BLEU"]["corpus"])


def test_rouge_l_of_each_caption_is_the_references() -> None:
    scores = [rouge_l(said, true) for said, true in zip(SAID, TRUE, strict=True)]
    assert scores == pytest.approx(GOLDEN["scores"]["ROUGE-L"]["each"])


def test_cider_d_of_each_caption_is_the_references() -> None:
    assert cider_d(SAID, TRUE) == pytest.approx(GOLDEN["scores"]["CIDEr-D"]["each"])


def test_all_scores_come_with_intervals_that_hold_them_and_java_is_told_about() -> None:
    tally = Tally(Resamples([str(i) for i in range(len(SAID))]))
    add_caption_scores(
        tally,
        [c["said"] for c in GOLDEN["captions"]],
        [c["references"] for c in GOLDEN["captions"]],
        java=False,
    )
    assert tally.scores["CIDEr-D"] == pytest.approx(GOLDEN["scores"]["CIDEr-D"]["corpus"])
    assert tally.scores["BLEU-4"] == pytest.approx(GOLDEN["scores"]["BLEU"]["corpus"][3])
    for name, (low, high) in tally.intervals.items():
        assert low < tally.scores[name] < high
    assert len(tally.each["ROUGE-L"]) == len(SAID)


@pytest.mark.skipif(find_spec("pycocoevalcap") is not None, reason="it is installed")
def test_without_the_extra_meteor_and_spice_say_what_they_need() -> None:
    for metric in (meteor, spice):
        assert metric(SAID, TRUE) == {"unavailable": 'needs the extra "java-metrics"'}


@pytest.mark.skipif(
    find_spec("pycocoevalcap") is None or shutil.which("java") is None,
    reason="needs the extra java-metrics and Java",
)
def test_meteor_is_the_references() -> None:
    assert meteor(SAID, TRUE) == pytest.approx(GOLDEN["scores"]["METEOR"]["corpus"])


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_any_text_has_words_without_spaces_and_never_fails(text: str) -> None:
    assert all(token and not token.isspace() for token in tokenise(text))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from("a.-_/'n t1"), max_size=400).map("".join))
def test_long_runs_of_joined_words_are_split_quickly(text: str) -> None:
    tokenise(text)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(caption, references), min_size=1, max_size=6))
def test_scores_stay_in_their_ranges(pairs: list) -> None:
    sums = sum(bleu_statistics(said, true) for said, true in pairs)
    assert ((bleu_of_sums(sums) >= 0) & (bleu_of_sums(sums) <= 1 + 1e-6)).all()
    assert all(0 <= rouge_l(said, true) <= 1 + 1e-9 for said, true in pairs)
    said, true = zip(*pairs, strict=True)
    assert all(-1e-9 <= score <= 10 + 1e-9 for score in cider_d(said, true))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(word, min_size=4, max_size=9), min_size=1, max_size=5))
def test_the_truth_itself_scores_most(captions: list[list[str]]) -> None:
    sums = sum(bleu_statistics(c, [c]) for c in captions)
    assert bleu_of_sums(np.asarray(sums)) == pytest.approx(1.0)
    assert all(rouge_l(c, [c]) == pytest.approx(1.0) for c in captions)


def test_one_image_alone_has_no_cider_d() -> None:
    assert cider_d([["a", "ship"]], [[["a", "ship"]]]) == [0.0]
