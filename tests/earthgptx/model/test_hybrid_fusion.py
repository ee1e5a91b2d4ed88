"""The prompt path changes nothing where nothing was drawn."""

from __future__ import annotations

import torch

from earthgptx.model.hybrid_fusion import HybridFusion


def fusion() -> HybridFusion:
    torch.manual_seed(0)
    return HybridFusion(
        grid_channels=32, grid_side=4, width=16, heads=2, tokens_side=2, summary_tokens=3
    ).eval()


def test_a_fresh_gate_leaves_the_image_exactly_as_it_is_without_prompts() -> None:
    block = fusion()
    grid_BNC, prompts_BPD = torch.randn(2, 16, 32), torch.randn(2, 5, 16)
    without = block(grid_BNC, None)
    with_prompts = block(grid_BNC, prompts_BPD)
    assert all(torch.equal(a, b) for a, b in zip(without, with_prompts, strict=True))


def test_an_open_gate_lets_the_prompts_change_the_image() -> None:
    block = fusion()
    torch.nn.init.ones_(block.gate_D)
    grid_BNC, prompts_BPD = torch.randn(2, 16, 32), torch.randn(2, 5, 16)
    assert not torch.allclose(block(grid_BNC, None)[1], block(grid_BNC, prompts_BPD)[1])


def test_padding_prompts_are_not_seen() -> None:
    block = fusion()
    torch.nn.init.ones_(block.gate_D)
    grid_BNC, prompts_BPD = torch.randn(1, 16, 32), torch.randn(1, 3, 16)
    padded_BPD = torch.cat([prompts_BPD, torch.randn(1, 2, 16)], dim=1)
    valid_BP = torch.tensor([[True, True, True, False, False]])
    expected = block(grid_BNC, prompts_BPD, torch.ones(1, 3, dtype=torch.bool))[0]
    assert torch.allclose(expected, block(grid_BNC, padded_BPD, valid_BP)[0], atol=1e-6)


def test_image_tokens_fold_the_grid_and_sum_it_up() -> None:
    hybrid_BND, tokens_BTD = fusion()(torch.randn(3, 16, 32), None)
    assert hybrid_BND.shape == (3, 16, 16)
    assert tokens_BTD.shape == (3, 4 + 3, 16)


def test_the_summary_tells_more_of_the_same_from_less() -> None:
    block = fusion()
    grid_BNC = torch.randn(1, 16, 32)
    twice_BNC = grid_BNC.clone()
    twice_BNC[0, 5] = grid_BNC[0, 3]
    summaries = [block(grid, None)[1][:, -3:] for grid in (grid_BNC, twice_BNC)]
    assert not torch.allclose(*summaries)
