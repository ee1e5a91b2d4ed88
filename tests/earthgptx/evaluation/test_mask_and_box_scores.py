import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from earthgptx.evaluation.box_scores import add_box_scores, box_iou, count_boxes
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.mask_scores import add_mask_scores, mask_overlap_px
from earthgptx.evaluation.tally import Tally

HERE = Conventions()


def masks(overlaps: list[tuple[int, int]], conventions: Conventions = HERE) -> dict:
    tally = Tally()
    add_mask_scores(tally, overlaps, conventions)
    return tally.scores


def boxes_found(pairs: list, conventions: Conventions = HERE) -> dict:
    tally = Tally()
    add_box_scores(tally, [count_boxes(said, true, conventions) for said, true in pairs])
    return tally.scores


def test_mean_iou_and_overall_iou_differ_as_they_should() -> None:
    # IoUs: 1/2, 1 and 9/10; sums: 1 + 2 + 90 over 2 + 2 + 100.
    scores = masks([(1, 2), (2, 2), (90, 100)])
    assert scores["mIoU"] == pytest.approx((0.5 + 1 + 0.9) / 3)
    assert scores["oIoU"] == pytest.approx(93 / 104)
    assert scores["Pr@0.5"] == 1.0
    assert scores["Pr@0.6"] == pytest.approx(2 / 3)
    assert scores["Pr@0.9"] == pytest.approx(2 / 3)


def test_nothing_asked_for_and_nothing_drawn_counts_as_chosen() -> None:
    rmsin = Conventions(empty_union_iou=0.0)
    assert masks([(0, 0)])["mIoU"] == masks([(0, 0)])["oIoU"] == 1.0
    assert masks([(0, 0)], rmsin)["mIoU"] == masks([(0, 0)], rmsin)["oIoU"] == 0.0
    assert masks([(0, 5)])["mIoU"] == 0.0


def test_an_iou_at_the_threshold_passes_or_not_as_chosen() -> None:
    strict = Conventions(strict_threshold=True)
    assert (masks([(1, 2)])["Pr@0.5"], masks([(1, 2)], strict)["Pr@0.5"]) == (1.0, 0.0)
    half = [([(0.0, 0.0, 10.0, 5.0)], [(0.0, 0.0, 10.0, 10.0)])]
    assert (boxes_found(half)["Acc@0.5"], boxes_found(half, strict)["Acc@0.5"]) == (1.0, 0.0)


def test_masks_are_compared_at_their_own_size_or_at_a_chosen_one() -> None:
    mask_HW = np.zeros((50, 120), np.bool_)
    mask_HW[10:20, 30:60] = True
    assert HERE.shown(mask_HW) is mask_HW
    shown = Conventions(compare_side_px=480).shown(mask_HW)
    assert shown.shape == (480, 480)
    # 10 of 50 rows and 30 of 120 columns become 96 and 120 of 480.
    assert shown.sum() == 96 * 120


def test_mask_overlap_counts_pixels_and_refuses_other_shapes() -> None:
    left, right = np.zeros((4, 6), np.bool_), np.zeros((4, 6), np.bool_)
    left[:, :4], right[:, 2:] = True, True
    assert mask_overlap_px(left, right) == (8, 24)
    with pytest.raises(ValueError, match="masks of"):
        mask_overlap_px(left, right[:2])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_iou_of_masks_and_boxes_is_that_of_the_coco_api(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 20, 30)) < rng.random()
    both, either = mask_overlap_px(first, second)
    codes = [coco_mask.encode(np.asfortranarray(m.astype(np.uint8))) for m in (first, second)]
    assert masks([(both, either)])["mIoU"] == pytest.approx(
        float(coco_mask.iou(codes[:1], codes[1:], [0])[0, 0]) if either else 1.0
    )
    x0, y0, w, h = rng.integers(1, 40, (4, 2)).astype(float)
    given_xywh = np.stack([x0, y0, w, h], 1)
    a, b = ((x, y, x + ww, y + hh) for x, y, ww, hh in given_xywh.tolist())
    expected = coco_mask.iou(given_xywh[:1], given_xywh[1:], [0])[0, 0]
    assert box_iou(a, b) == pytest.approx(float(expected))


def test_pooled_scores_are_those_of_rmsins_and_lisas_meters() -> None:
    golden = json.loads((Path(__file__).parent / "golden" / "masks.json").read_text())
    overlaps = [tuple(pair) for pair in golden["overlaps_px"]]
    for name, conventions in (
        ("RMSIN", Conventions(empty_union_iou=0.0)),
        ("LISA", Conventions()),
    ):
        scores = masks(overlaps, conventions)
        for metric, value in golden[name].items():
            assert scores[metric] == pytest.approx(value), (name, metric)


def test_boxes_are_matched_once_best_first() -> None:
    truth = [(0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)]
    said = [(0.0, 0.0, 10.0, 9.0), (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)]
    counts = count_boxes(said, truth, HERE)
    assert (counts.matched, counts.predicted, counts.true) == (1, 3, 2)
    assert counts.first_is_right
    assert not count_boxes(said[::-1], truth, HERE).first_is_right
    assert box_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0


def test_detection_scores_sum_over_images() -> None:
    here, there = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
    far = (80.0, 80.0, 90.0, 90.0)
    scores = boxes_found([([here, far, far], [here, there]), ([], [here, there]), ([], [])])
    assert scores["precision@0.5"] == pytest.approx(1 / 3)
    assert scores["recall@0.5"] == pytest.approx(1 / 4)
    assert scores["F1@0.5"] == pytest.approx(2 / 7)
    assert scores["count_error"] == pytest.approx((1 + 2 + 0) / 3)
    assert "Acc@0.5" not in scores
    assert boxes_found([([], [])])["F1@0.5"] == 1.0


def test_grounding_accuracy_is_over_questions_with_one_true_box() -> None:
    here, there = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
    asked = [([here], [here]), ([there, here], [here]), ([here], [here, there]), ([], [here])]
    assert boxes_found(asked)["Acc@0.5"] == pytest.approx(1 / 3)


boxes = st.tuples(*[st.floats(0, 100)] * 4).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@settings(deadline=None, max_examples=60)
@given(boxes, boxes)
def test_box_iou_is_symmetric_and_within_its_range(a, b) -> None:  # type: ignore[no-untyped-def]
    assert box_iou(a, b) == box_iou(b, a)
    assert 0.0 <= box_iou(a, b) <= 1.0 + 1e-9


@settings(deadline=None, max_examples=60)
@given(st.lists(boxes, max_size=5), st.lists(boxes, max_size=5))
def test_no_more_boxes_match_than_there_are(said: list, true: list) -> None:
    counts = count_boxes(said, true, HERE)
    assert 0 <= counts.matched <= min(len(said), len(true))
