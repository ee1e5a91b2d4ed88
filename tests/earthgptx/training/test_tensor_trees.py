"""Every tensor of a batch is changed, whatever it lies in; nothing else is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from earthgptx.training.tensor_trees import each_tensor


@dataclass(frozen=True)
class Leaf:
    tensor_N: Tensor
    name: str


@dataclass(frozen=True)
class Tree:
    leaf: Leaf
    leaves: list[Leaf]
    nothing: Leaf | None = None


def test_tensors_in_dataclasses_and_lists_are_changed() -> None:
    tree = Tree(Leaf(torch.ones(2), "a"), [Leaf(torch.ones(1), "b"), Leaf(torch.ones(3), "c")])
    changed = each_tensor(tree, lambda tensor: tensor * 2)
    assert changed.leaf.tensor_N.tolist() == [2, 2]
    assert [leaf.tensor_N.sum().item() for leaf in changed.leaves] == [2, 6]


def test_what_is_no_tensor_stays() -> None:
    tree = Tree(Leaf(torch.ones(2), "a"), [])
    changed = each_tensor(tree, lambda tensor: tensor * 2)
    assert changed.leaf.name == "a"
    assert changed.nothing is None
    assert tree.leaf.tensor_N.tolist() == [1, 1]
