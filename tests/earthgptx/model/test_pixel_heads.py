"""Pixel heads behind one interface: shapes, gradients, and that marks and states reach the mask."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from transformers.models.mask2former.modeling_mask2former import Mask2FormerSinePositionEmbedding

from earthgptx.model.mask2former_head import sine_positions
from earthgptx.model.pixel_perception import (
    PixelPerception,
    QueryTensors,
    build_pixel_perception,
    mask_losses,
)
from earthgptx.model.presets import PRESETS, ModelConfig
from earthgptx.model.sam_heads import position_waves
from tests.earthgptx.model.tiny_parts import tiny_preset

CONFIGS = {
    "sam2": PRESETS["nano"](),
    "mask2former": PRESETS["nano-mask2former"](),
    "sam": tiny_preset(),
    "mask2former-full": dataclasses.replace(
        tiny_preset(),
        sam=None,
        mask=dataclasses.replace(
            tiny_preset().mask, head="mask2former", heads=2, encoder_layers=1, layers=2
        ),
    ),
}


def features(config: ModelConfig, count: int) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(7)
    grid = torch.randn(count, config.grid_side**2, config.grid_channels, generator=generator)
    pyramid = (torch.randn(count, *shape, generator=generator) for shape in config.pyramid_shapes)
    return grid, tuple(pyramid)


def by_states(config: ModelConfig, states_QD: torch.Tensor) -> QueryTensors:
    count = len(states_QD)
    return QueryTensors(*features(config, count), torch.arange(count), seg_states_QD=states_QD)


def by_regions(config: ModelConfig, tokens_QD: torch.Tensor, weights: torch.Tensor) -> QueryTensors:
    grid, pyramid = features(config, len(tokens_QD))
    images_Q = torch.arange(len(tokens_QD))
    return QueryTensors(grid, pyramid, images_Q, region_tokens_QD=tokens_QD, weights_QGG=weights)


@pytest.fixture(params=sorted(CONFIGS))
def head(request: pytest.FixtureRequest) -> PixelPerception:
    torch.manual_seed(0)
    return build_pixel_perception(CONFIGS[request.param])


def test_every_head_draws_scores_and_points(head: PixelPerception) -> None:
    config, side = head.config, head.config.fine_side
    logits, score, likeness = head(by_states(config, torch.randn(3, config.width)))
    assert logits.shape == (3, side, side) and score.shape == (3,)
    assert likeness is not None and likeness.shape[0] == 3
    weights = torch.rand(2, side, side)
    logits, score, likeness = head(by_regions(config, torch.randn(2, config.prompt_width), weights))
    assert logits.shape == (2, side, side) and score.shape == (2,) and likeness is None


def test_every_parameter_learns_from_states_or_regions(head: PixelPerception) -> None:
    config, side = head.config, head.config.fine_side
    drawn = head(by_states(config, torch.randn(2, config.width)))
    marked = head(
        by_regions(config, torch.randn(2, config.prompt_width), torch.rand(2, side, side))
    )
    truth = torch.zeros(2, side, side)
    truth[:, : side // 2] = 1
    pairs = (mask_losses(drawn[0], truth), mask_losses(marked[0], truth))
    loss = torch.stack([part.mean() for pair in pairs for part in pair]).sum()
    (loss + drawn[1].sum() + drawn[2].sum() + marked[1].sum()).backward()
    # SAM's decoder has tokens for three masks more than are asked for here.
    unused = ("output_hypernetworks_mlps.1", "output_hypernetworks_mlps.2")
    unused += ("output_hypernetworks_mlps.3", "obj_score", "pred_obj_score_head")
    # What finds instances has losses, and tests, of its own.
    unused += ("instances.",)
    silent = [n for n, p in head.named_parameters() if p.grad is None]
    assert [name for name in silent if not any(part in name for part in unused)] == []


def test_a_query_alone_is_drawn_as_it_is_in_company(head: PixelPerception) -> None:
    config = head.eval().config
    queries = by_states(config, torch.randn(3, config.width))
    assert queries.seg_states_QD is not None
    alone = QueryTensors(
        queries.grid_INC[1:2],
        tuple(m[1:2] for m in queries.pyramid),
        torch.tensor([0]),
        seg_states_QD=queries.seg_states_QD[1:2],
    )
    with torch.no_grad():
        assert torch.allclose(head(queries)[0][1], head(alone)[0][0], atol=1e-4)


def test_queries_about_one_image_are_drawn_as_if_each_had_its_own(head: PixelPerception) -> None:
    config = head.eval().config
    states_QD = torch.randn(3, config.width)
    grid, pyramid = features(config, 2)
    images_Q = torch.tensor([1, 0, 1])
    own = tuple(level[images_Q] for level in pyramid)
    shared = QueryTensors(grid, pyramid, images_Q, seg_states_QD=states_QD)
    apart = QueryTensors(grid[images_Q], own, torch.arange(3), seg_states_QD=states_QD)
    with torch.no_grad():
        for together, alone in zip(head(shared), head(apart), strict=True):
            assert torch.allclose(together, alone, atol=1e-4)


def test_masks_follow_what_is_asked(head: PixelPerception) -> None:
    config = head.eval().config
    with torch.no_grad():
        for parameter in head.parameters():  # dense prompts of a fresh SAM head are all zero
            parameter.add_(torch.randn_like(parameter) * 0.02)
        image, state = torch.randn(1, config.width), torch.randn(1, config.width)
        assert not torch.allclose(
            head(by_states(config, image))[0], head(by_states(config, state))[0]
        )
        token, side = torch.randn(1, config.prompt_width), config.fine_side
        left, right = torch.zeros(1, side, side), torch.zeros(1, side, side)
        left[..., : side // 2], right[..., side // 2 :] = 1, 1
        assert not torch.allclose(
            head(by_regions(config, token, left))[0], head(by_regions(config, token, right))[0]
        )


def test_a_mask2former_head_learns_a_mask_at_nanos_size() -> None:
    torch.manual_seed(0)
    head = build_pixel_perception(CONFIGS["mask2former"])
    queries = by_states(head.config, torch.randn(2, head.config.width))
    truth = torch.zeros(2, 56, 56)
    truth[0, 10:30, 10:30], truth[1, 30:50, 20:50] = 1, 1
    optimiser = torch.optim.AdamW(head.parameters(), 1e-3)
    first = last = 0.0
    for step in range(12):
        bce, dice = (part.mean() for part in mask_losses(head(queries)[0], truth))
        optimiser.zero_grad()
        (bce + dice).backward()
        optimiser.step()
        last = float((bce + dice).detach())
        first = last if step == 0 else first
    assert last < 0.7 * first


def test_sine_positions_are_those_of_transformers() -> None:
    map_BWHH = torch.zeros(2, 64, 9, 9)
    theirs = Mask2FormerSinePositionEmbedding(32, normalize=True)
    expected = theirs(map_BWHH.shape, map_BWHH.device, map_BWHH.dtype)
    assert torch.allclose(sine_positions(map_BWHH), expected, atol=1e-5)


def test_position_waves_tell_every_cell_from_its_neighbours() -> None:
    waves_NW = position_waves(128, 14)[0].flatten(1).T
    likeness_NN = waves_NW @ waves_NW.T / (waves_NW**2).sum(1)
    assert torch.allclose(likeness_NN.diagonal(), torch.ones(196))
    assert (likeness_NN - 2 * torch.eye(196)).max() < 0.95


def test_deformable_attention_starts_by_looking_around() -> None:
    """As transformers initialises it: offsets in all directions, not all at one point."""
    head = build_pixel_perception(CONFIGS["mask2former"])
    offsets = [p for n, p in head.named_parameters() if n.endswith("sampling_offsets.bias")]
    assert offsets and all(offset.abs().max() > 1 for offset in offsets)
