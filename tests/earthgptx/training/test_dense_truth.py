"""The helping heads are told what is there, what is not, and nothing where nobody knows."""

from __future__ import annotations

import numpy as np

from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.vocabulary import IMAGE_WORDS, OBJECT_LABELS
from earthgptx.model.tallies import MOST_COUNTED
from earthgptx.training.dense_truth import UNKNOWN, dense_truth

SIDE = 56
SHIP, CAR, WATER = (OBJECT_LABELS.index(label) for label in ("ship", "car", "water"))


def truth_of(boxes: list[tuple[float, float, float, float]], **known: object):  # type: ignore[no-untyped-def]
    things = tuple(LabelledObject("ship", box) for box in boxes)
    fields: dict[str, object] = {"exhaustive": frozenset({"ship"}), "objects": things, **known}
    view = LabelledImage(
        image_id="view",
        source="test",
        licence="CC0-1.0",
        modality="sar",
        width_px=SIDE,
        height_px=SIDE,
        load_pixels=lambda: np.zeros((SIDE, SIDE, 1), np.uint8),
        **fields,  # type: ignore[arg-type]
    )

    def mask_of(index: int) -> np.ndarray:  # type: ignore[type-arg]
        x0, y0, x1, y1 = (int(v) for v in view.objects[index].box_xyxy_px)
        mask = np.zeros((SIDE, SIDE), np.bool_)
        mask[y0:y1, x0:x1] = True
        return mask

    return dense_truth(view, mask_of, 14)


def test_the_cells_of_a_thing_are_one_and_the_others_of_a_complete_label_zero() -> None:
    truth = truth_of([(0, 0, 8, 4)])
    assert truth.cells_CHH[SHIP, 0].tolist() == [1, 1] + [0] * 12
    assert (truth.cells_CHH[SHIP, 1:] == 0).all()


def test_a_thing_smaller_than_a_cell_still_has_one() -> None:
    assert truth_of([(21, 21, 22, 22)]).cells_CHH[SHIP].clip(0).sum() == 1


def test_a_cell_hardly_touched_is_neither() -> None:
    cells = truth_of([(0, 0, 17, 4)]).cells_CHH[SHIP, 0]
    assert cells[:4].tolist() == [1, 1, 1, 1]
    assert cells[4] == 1 or cells[4] == UNKNOWN


def test_of_a_label_that_is_not_complete_only_what_is_there_is_known() -> None:
    truth = truth_of([(0, 0, 8, 4)], exhaustive=frozenset())
    assert set(truth.cells_CHH[SHIP].ravel().tolist()) == {1, UNKNOWN}
    assert truth.counts_C[SHIP] == UNKNOWN
    assert (truth.cells_CHH[CAR] == UNKNOWN).all()


def test_things_are_counted_up_to_the_most() -> None:
    assert truth_of([(0, 0, 4, 4)] * 3).counts_C[SHIP] == 3
    assert truth_of([(0, 0, 4, 4)] * 30).counts_C[SHIP] == MOST_COUNTED
    assert truth_of([]).counts_C[SHIP] == 0


def test_a_substance_that_is_there_is_known_everywhere() -> None:
    water = LabelledObject("water", (0, 0, 28, 56), stuff=True)
    cells = truth_of([], objects=(water,)).cells_CHH[WATER]
    assert (cells[:, :7] == 1).all() and (cells[:, 7:] == 0).all()


def test_each_thing_is_shared_out_over_the_cells_it_covers() -> None:
    instances = truth_of([(0, 0, 8, 4), (40, 40, 41, 41)]).instances_CHH[SHIP]
    assert np.allclose(instances[0, :2], 0.5)
    assert np.isclose(instances[10, 10], 1.0)
    assert np.isclose(instances.sum(), 2.0)


def test_cells_are_not_cut_off_at_the_most_that_is_counted() -> None:
    truth = truth_of([(4 * n, 0, 4 * n + 4, 4) for n in range(13)])
    assert np.isclose(truth.instances_CHH[SHIP].sum(), 13.0)


def test_a_substance_counts_as_one_however_many_pieces_it_has() -> None:
    pieces = tuple(LabelledObject("water", (x, 0, x + 8, 8), stuff=True) for x in (0, 24, 48))
    truth = truth_of([], objects=pieces)
    assert truth.counts_C[WATER] == 1
    assert np.isclose(truth.instances_CHH[WATER].sum(), 1.0)


def test_a_substance_that_is_surely_absent_counts_as_none() -> None:
    assert truth_of([], absent_stuff=frozenset({"water"})).counts_C[WATER] == 0
    assert truth_of([]).counts_C[WATER] == UNKNOWN


def test_the_whole_image_has_its_word_where_one_is_known() -> None:
    assert truth_of([], scene="harbor").image_word == IMAGE_WORDS.index("harbor")
    assert truth_of([]).image_word == UNKNOWN
