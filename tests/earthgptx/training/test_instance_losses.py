"""Losses of instances: least where centres and boxes are told as they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from earthgptx.model.instance_head import InstanceMaps
from earthgptx.training.instance_losses import giou, instance_parts, instance_truth

SIDE = 56
BOXES = torch.tensor([[[0.1, 0.1, 0.3, 0.2], [0.5, 0.6, 0.52, 0.62], [0.0, 0.0, 0.0, 0.0]]])


def told(truth_boxes: Tensor, logit: float) -> InstanceMaps:
    """What a head that knows the truth of ``truth_boxes`` would say, ``logit`` at centres."""
    truth = instance_truth(truth_boxes, SIDE)
    centre = torch.where(truth.near_QGG > 0.999, logit, -9.0)
    return InstanceMaps(centre, truth.boxes_Q4GG)


def mean_losses(found: InstanceMaps) -> dict[str, float]:
    parts = instance_parts(found, BOXES)
    return {name: float(total / divisor) for name, (total, divisor) in parts.items()}


def test_each_real_box_has_one_centre_in_its_middle() -> None:
    truth = instance_truth(BOXES, SIDE)
    rows, columns = torch.where(truth.near_QGG[0] > 0.999)
    assert sorted(zip(columns.tolist(), rows.tolist(), strict=True)) == [(11, 8), (28, 34)]
    assert truth.boxes_Q4GG[0, :, 8, 11].tolist() == pytest.approx([0.1, 0.1, 0.3, 0.2])


def test_truth_costs_next_to_nothing_and_its_opposite_much() -> None:
    right, wrong = mean_losses(told(BOXES, 9.0)), mean_losses(told(BOXES, -9.0))
    assert right["centres"] < 0.01 and right["boxes"] < 1e-5
    assert wrong["centres"] > 5.0


def test_boxes_that_are_shifted_cost_more_the_further_they_are() -> None:
    found = told(BOXES, 9.0)
    costs = [
        mean_losses(InstanceMaps(found.centre_QGG, found.boxes_Q4GG + shift))["boxes"]
        for shift in (0.0, 0.01, 0.05, 0.2)
    ]
    assert costs == sorted(costs) and costs[-1] > 1.0


def test_a_query_without_instances_teaches_that_there_are_none() -> None:
    none = torch.zeros(1, 1, 4)
    quiet = InstanceMaps(torch.full((1, SIDE, SIDE), -9.0), torch.zeros(1, 4, SIDE, SIDE))
    loud = InstanceMaps(torch.full((1, SIDE, SIDE), 9.0), torch.zeros(1, 4, SIDE, SIDE))
    assert (
        instance_parts(loud, none)["centres"][0] > 100 * instance_parts(quiet, none)["centres"][0]
    )
    assert instance_parts(loud, none)["boxes"][1] == 0


def test_giou_is_that_of_its_paper() -> None:
    def box(*corners: float) -> Tensor:
        return torch.tensor(corners).view(1, 4, 1, 1)

    assert float(giou(box(0, 0, 2, 2), box(0, 0, 2, 2))) == pytest.approx(1.0)
    # Apart: nothing in common, 2 of 3 by 1 around them covered.
    assert float(giou(box(0, 0, 1, 1), box(2, 0, 3, 1))) == pytest.approx(-1 / 3)
