"""Tallies are taught by what is known, and by nothing else."""

from __future__ import annotations

import torch

from earthgptx.data.vocabulary import IMAGE_WORDS, OBJECT_LABELS
from earthgptx.model.tallies import MOST_COUNTED, Tally
from earthgptx.training.dense_heads import DenseTargets
from earthgptx.training.dense_truth import UNKNOWN
from earthgptx.training.tally_losses import tally_losses

SHIP, CAR = OBJECT_LABELS.index("ship"), OBJECT_LABELS.index("car")
LABELS_S = torch.tensor([SHIP, CAR])


def targets(ships: int, cars: int) -> DenseTargets:
    counts = torch.full((1, len(OBJECT_LABELS)), UNKNOWN)
    counts[0, SHIP], counts[0, CAR] = ships, cars
    instances = torch.zeros(1, len(OBJECT_LABELS), 2, 2)
    instances[0, SHIP, 0, 0], instances[0, CAR, 1, 1] = max(ships, 0), max(cars, 0)
    cells = torch.full((1, len(OBJECT_LABELS), 2, 2), UNKNOWN)
    return DenseTargets(cells, counts, instances, torch.tensor([len(IMAGE_WORDS) - 1]))


def tally(ships: float, cars: float) -> Tally:
    """Cells and numbers that say so, surely."""
    instances = torch.full((1, 4, 2), 1e-6)
    instances[0, 0, 0], instances[0, 3, 1] = max(ships, 1e-6), max(cars, 1e-6)
    numbers = torch.tensor([[ships, cars]])
    at_least = (numbers.unsqueeze(-1) - torch.arange(MOST_COUNTED) - 0.5) * 20
    return Tally(instances, (numbers - 0.5) * 20, at_least)


def means(tally: Tally, targets: DenseTargets) -> dict[str, float]:
    parts = tally_losses(tally, targets, LABELS_S)
    return {name: float(total / divisor.clamp_min(1)) for name, (total, divisor) in parts.items()}


def test_the_truth_costs_less_than_what_is_wrong() -> None:
    right = means(tally(3, 0), targets(3, 0))
    for wrong in (tally(2, 0), tally(3, 1), tally(0, 3)):
        costs = means(wrong, targets(3, 0))
        assert all(costs[name] > right[name] for name in ("instances", "counts"))
    assert means(tally(3, 1), targets(3, 0))["present"] > right["present"]
    assert right["counts"] < 1e-3 and right["present"] < 1e-3


def test_what_is_not_known_is_not_taught() -> None:
    instances = torch.rand(1, 4, 2, requires_grad=True)
    present = torch.zeros(1, 2, requires_grad=True)
    at_least = torch.zeros(1, 2, MOST_COUNTED, requires_grad=True)
    parts = tally_losses(Tally(instances, present, at_least), targets(2, UNKNOWN), LABELS_S)
    sum(total for total, _ in parts.values()).backward()  # type: ignore[union-attr]
    for grad in (instances.grad, present.grad, at_least.grad):
        assert grad is not None
    assert instances.grad[..., 1].abs().sum() == 0  # type: ignore[index]
    assert present.grad[:, 1].abs().sum() == at_least.grad[:, 1].abs().sum() == 0  # type: ignore[index]
    assert instances.grad[..., 0].abs().sum() > 0  # type: ignore[index]
