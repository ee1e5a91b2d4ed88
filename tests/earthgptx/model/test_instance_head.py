"""Instances of a mask: found where centres are, each thing once, the surest first."""

from __future__ import annotations

import numpy as np
import torch

from earthgptx.model.instance_head import (
    MOST_INSTANCES,
    InstanceHead,
    InstanceMaps,
    read_instances,
)
from earthgptx.model.presets import nano

SIDE = 56
SWAPPED = torch.tensor([1, 0, 2])
# Nothing to fit a box to.
NO_MASK = torch.full((1, SIDE, SIDE), -9.0)


def nothing_found() -> InstanceMaps:
    return InstanceMaps(torch.full((1, SIDE, SIDE), -9.0), torch.zeros(1, 4, SIDE, SIDE))


def put(maps: InstanceMaps, x: int, y: int, box: tuple[float, ...], logit: float) -> None:
    maps.centre_QGG[0, y, x] = logit
    maps.boxes_Q4GG[0, :, y, x] = torch.tensor(box)


def test_centres_become_boxes_the_surest_first() -> None:
    maps = nothing_found()
    put(maps, 10, 12, (0.1, 0.1, 0.3, 0.3), 0.5)
    put(maps, 40, 30, (0.6, 0.5, 0.9, 0.7), 2.0)
    (found,) = read_instances(maps, NO_MASK)
    assert np.allclose(found.boxes_xyxy_unit_I4, [[0.6, 0.5, 0.9, 0.7], [0.1, 0.1, 0.3, 0.3]])
    assert found.scores_I[0] > found.scores_I[1]


def test_a_lower_neighbour_of_a_centre_is_none() -> None:
    maps = nothing_found()
    put(maps, 10, 12, (0.1, 0.1, 0.3, 0.3), 2.0)
    put(maps, 11, 12, (0.5, 0.1, 0.7, 0.3), 1.5)
    (found,) = read_instances(maps, NO_MASK)
    assert len(found.scores_I) == 1


def test_one_thing_found_twice_is_told_once() -> None:
    maps = nothing_found()
    put(maps, 10, 12, (0.1, 0.1, 0.3, 0.3), 2.0)
    put(maps, 14, 12, (0.1, 0.1, 0.31, 0.3), 1.5)
    (found,) = read_instances(maps, NO_MASK)
    assert np.allclose(found.boxes_xyxy_unit_I4, [[0.1, 0.1, 0.3, 0.3]])


def test_boxes_are_cut_at_the_view_and_bounded_in_number() -> None:
    torch.manual_seed(0)
    maps = InstanceMaps(torch.rand(1, SIDE, SIDE) * 4, torch.rand(1, 4, SIDE, SIDE) * 3 - 1)
    (found,) = read_instances(maps, NO_MASK)
    assert found.boxes_xyxy_unit_I4.min() >= 0.0 and found.boxes_xyxy_unit_I4.max() <= 1.0
    assert len(found.scores_I) <= MOST_INSTANCES


def test_where_nothing_is_sure_nothing_is_found() -> None:
    (found,) = read_instances(nothing_found(), NO_MASK)
    assert found.boxes_xyxy_unit_I4.shape == (0, 4) and found.scores_I.shape == (0,)


def test_a_query_is_looked_at_alone_as_in_company() -> None:
    torch.manual_seed(0)
    config = nano()
    head = InstanceHead(config).eval()
    torch.nn.init.normal_(head.told.weight, std=0.1)
    grid = torch.randn(3, config.grid_side**2, config.grid_channels)
    pyramid = tuple(torch.randn(3, *shape) for shape in config.pyramid_shapes)
    logits = torch.randn(3, SIDE, SIDE) * 4
    with torch.inference_mode():
        together = head(grid, pyramid, torch.arange(3), logits)
        crossed = head(grid[SWAPPED], tuple(m[SWAPPED] for m in pyramid), SWAPPED, logits)
        of_its_own = tuple(level[1:2] for level in pyramid)
        alone = head(grid[1:2], of_its_own, torch.tensor([0]), logits[1:2])
    assert torch.allclose(together.centre_QGG, crossed.centre_QGG, atol=1e-5)
    assert torch.allclose(together.centre_QGG[1:2], alone.centre_QGG, atol=1e-5)
    assert torch.allclose(together.boxes_Q4GG[1:2], alone.boxes_Q4GG, atol=1e-5)


def test_nothing_flows_back_into_the_mask() -> None:
    config = nano()
    head = InstanceHead(config)
    torch.nn.init.normal_(head.told.weight, std=0.1)
    grid = torch.randn(1, config.grid_side**2, config.grid_channels, requires_grad=True)
    pyramid = tuple(torch.randn(1, *shape) for shape in config.pyramid_shapes)
    logits = torch.randn(1, SIDE, SIDE, requires_grad=True)
    head(grid, pyramid, torch.tensor([0]), logits).centre_QGG.sum().backward()
    assert grid.grad is not None and logits.grad is None
