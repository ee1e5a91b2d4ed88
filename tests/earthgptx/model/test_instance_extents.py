"""Boxes reach as far as the mask shows, where it is clear which part is whose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earthgptx.model.instance_extents import box_iou, fitted

SIDE = 56


def mask(*cells: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
    """Logits with rectangles x0, y0, x1, y1 of cells inside."""
    logits_GG = np.full((SIDE, SIDE), -4.0, np.float32)
    for x0, y0, x1, y1 in cells:
        logits_GG[y0:y1, x0:x1] = 4.0
    return logits_GG


def boxes(*cells: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
    return np.array(cells, np.float32) / SIDE


def test_a_part_with_one_centre_is_the_extent_of_its_thing() -> None:
    found = fitted(boxes((20, 20, 30, 30)), mask((12, 22, 36, 28)))
    assert np.allclose(found * SIDE, [[12, 22, 36, 28]], atol=0.3)


def test_a_part_that_several_share_only_bounds_them() -> None:
    found = fitted(boxes((8, 18, 20, 30), (20, 18, 34, 30)), mask((10, 20, 32, 28)))
    assert np.allclose(found * SIDE, [[10, 20, 20, 28], [20, 20, 32, 28]], atol=0.3)


def test_a_box_whose_middle_is_empty_belongs_to_what_covers_most_of_it() -> None:
    found = fitted(boxes((10, 10, 30, 30)), mask((10, 10, 18, 30)))
    assert np.allclose(found * SIDE, [[10, 10, 18, 30]], atol=0.3)


def test_a_box_without_a_mask_and_one_that_hardly_touches_stay() -> None:
    lonely, touching = (2.0, 2.0, 6.0, 6.0), (28.0, 28.0, 30.0, 30.0)
    found = fitted(boxes(lonely, touching), mask((12, 12, 50, 50)))
    assert np.allclose(found * SIDE, [lonely, touching], atol=1e-4)


def test_no_boxes_give_none() -> None:
    assert fitted(np.zeros((0, 4), np.float32), mask((1, 1, 5, 5))).shape == (0, 4)


def test_overlap_of_boxes_is_that_of_their_areas() -> None:
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6], [1, 1, 1, 1]], np.float32)
    assert np.allclose(box_iou(box, others), [1.0, 1 / 7, 0.0, 0.0])
