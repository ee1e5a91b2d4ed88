import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.evaluation import metrics
from earthgptx.evaluation.similarity import UNAVAILABLE, semantic_similarity


@pytest.mark.parametrize(
    ("said", "truth", "right"),
    [
        ("ship", "ship", True),
        ("A ship.", "ship", True),
        ("Region 1: Storage_Tank", "storage tank", True),
        ("", "ship", False),
        (" . ", "ship", False),
        ("ships", "ship", False),
        ("yes", "no", False),
    ],
)
def test_words_match_after_normalising_and_silence_never_does(
    said: str, truth: str, right: bool
) -> None:
    assert metrics.is_match(said, truth) is right


def test_word_overlap_is_shared_words_over_all_words() -> None:
    assert metrics.word_overlap("large storage tank", "storage tank") == pytest.approx(2 / 3)
    assert metrics.word_overlap("ship ship", "ship") == 1.0
    assert metrics.word_overlap("", "") == 0.0
    assert metrics.word_overlap("", "ship") == 0.0


def test_mean_iou_and_overall_iou_differ_as_they_should() -> None:
    # IoUs: 1/2, 1 and 9/10; sums: 1 + 2 + 90 over 2 + 2 + 100.
    scores = metrics.mask_scores([(1, 2), (2, 2), (90, 100)])
    assert scores["mIoU"] == pytest.approx((0.5 + 1 + 0.9) / 3)
    assert scores["oIoU"] == pytest.approx(93 / 104)
    assert scores["Pr@0.5"] == 1.0
    assert scores["Pr@0.6"] == pytest.approx(2 / 3)
    assert scores["Pr@0.9"] == pytest.approx(2 / 3)


def test_nothing_asked_for_and_nothing_drawn_counts_as_agreement() -> None:
    assert metrics.mask_scores([(0, 0)])["mIoU"] == 1.0
    assert metrics.mask_scores([(0, 0)])["oIoU"] == 1.0
    assert metrics.mask_scores([(0, 5)])["mIoU"] == 0.0


def test_mask_overlap_counts_pixels_and_refuses_other_shapes() -> None:
    left, right = np.zeros((4, 6), np.bool_), np.zeros((4, 6), np.bool_)
    left[:, :4], right[:, 2:] = True, True
    assert metrics.mask_overlap_px(left, right) == (8, 24)
    with pytest.raises(ValueError, match="masks of"):
        metrics.mask_overlap_px(left, right[:2])


def test_boxes_are_matched_once_best_first() -> None:
    truth = [(0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)]
    said = [(0.0, 0.0, 10.0, 9.0), (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)]
    assert metrics.box_iou(said[0], truth[0]) == pytest.approx(0.9)
    assert metrics.matched_boxes(said, truth) == 1
    assert metrics.box_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0


def test_detection_scores_sum_over_images() -> None:
    scores = metrics.detection_scores([(1, 3, 2), (0, 0, 2), (0, 0, 0)])
    assert scores["precision@0.5"] == pytest.approx(1 / 3)
    assert scores["recall@0.5"] == pytest.approx(1 / 4)
    assert scores["F1@0.5"] == pytest.approx(2 / 7)
    assert scores["count_error"] == pytest.approx((1 + 2 + 0) / 3)
    assert metrics.detection_scores([(0, 0, 0)])["F1@0.5"] == 1.0


def test_wilson_interval_has_the_textbook_values() -> None:
    # 8 of 10: (0.4902, 0.9433), as in Brown, Cai and DasGupta 2001.
    low, high = metrics.wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert metrics.wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500), st.floats(0, 1))
def test_a_wilson_interval_holds_its_share(total: int, share: float) -> None:
    right = round(share * total)
    low, high = metrics.wilson_interval(right, total)
    assert -1e-9 <= low <= right / total + 1e-9
    assert right / total - 1e-9 <= high <= 1 + 1e-9


boxes = st.tuples(*[st.floats(0, 100)] * 4).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@given(boxes, boxes)
def test_box_iou_is_symmetric_and_within_its_range(a, b) -> None:  # type: ignore[no-untyped-def]
    assert metrics.box_iou(a, b) == metrics.box_iou(b, a)
    assert 0.0 <= metrics.box_iou(a, b) <= 1.0 + 1e-9


class _Letters:
    """Counts letters: texts with the same letters look alike."""

    def encode(self, sentences: list[str]) -> np.ndarray:
        return np.array([[s.count("a"), s.count("b")] for s in sentences], np.float32)


def test_similarity_is_a_mean_cosine_in_which_silence_is_zero() -> None:
    assert semantic_similarity(["a", "b", ""], ["aa", "a", "a"], _Letters()) == pytest.approx(1 / 3)
    assert semantic_similarity(["a"], ["a"], None) == UNAVAILABLE
