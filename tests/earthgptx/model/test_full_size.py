"""Every preset at its full size, without memory: what it is made of, and its shapes throughout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from torch._subclasses import FakeTensorMode

from earthgptx.model.checkpoint import STAGES, build_stage
from earthgptx.model.memory.predict import make_fake
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.pixel_perception import QueryTensors
from earthgptx.model.presets import PRESETS, ModelConfig, read_config, write_config

FULL_SIZE = sorted(name for name, make in PRESETS.items() if make().language.name)


def built(config: ModelConfig, stage: str) -> nn.Module:
    with parameters_without_memory():
        return build_stage(config, stage).eval()


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# Published counts, less what the experts leave out: ConvNeXt-L's 1,000 classes and norms after the
# last stage; of the ViTs the mask token of pretraining, positions (37 x 37 at 518 px, and with
# registers that of the class token), of DINOv3 its biases, which are zero; of SAM its two decoders.
CONVNEXT_L = 197_767_336 - 1000 * 1537 - 2 * 1536
DINOV2_L = 304_368_640 - (1 + 37 * 37 - 16 * 16) * 1024
DINOV2_B_REGISTERS = 86_583_552 - (2 + 37 * 37 - 16 * 16) * 768
DINOV3_L = 303_129_600 - 1024 - 24 * 2 * 1024
SAM_DECODER, SAM_PROMPTS = 4_058_340, 6_220
SAM_H, SAM_B = (total - SAM_DECODER - SAM_PROMPTS for total in (641_090_608, 93_735_472))
LLAMA_2_13B, QWEN3_4B = 13_015_864_320, 4_022_468_096


@pytest.mark.parametrize(
    ("preset", "conv", "vit", "sam"),
    [
        ("earthgpt-x", CONVNEXT_L, DINOV2_L, SAM_H),
        ("sat", CONVNEXT_L, DINOV3_L, SAM_H),
        ("base", CONVNEXT_L, DINOV2_B_REGISTERS, SAM_B),
    ],
)
def test_the_experts_are_as_large_as_published(preset: str, conv: int, vit: int, sam: int) -> None:
    experts = built(PRESETS[preset](), "image_encoder")
    assert (count(experts.conv), count(experts.vit), count(experts.sam)) == (conv, vit, sam)


@pytest.mark.parametrize(
    ("preset", "published", "rows"),
    [("earthgpt-x", LLAMA_2_13B, 32_000), ("base", QWEN3_4B, 151_936)],
)
def test_the_language_model_is_as_large_as_published(
    preset: str, published: int, rows: int
) -> None:
    config = PRESETS[preset]()
    added = (config.language.vocab_size - rows) * config.width
    network = built(config, "reasoner").language
    assert count(network) == published + added * (1 if config.language.tied else 2)


def test_sams_decoder_is_as_large_as_published() -> None:
    assert count(built(PRESETS["earthgpt-x"](), "mask_decoder").decoder) == SAM_DECODER


@pytest.mark.parametrize("preset", FULL_SIZE)
def test_each_expert_normalises_as_its_weights_want(preset: str) -> None:
    config = PRESETS[preset]()
    for part in (config.conv, config.vit, config.sam):
        if part is not None:
            published = timm.models.get_pretrained_cfg(part.timm_name)
            assert (part.mean, part.std) == (published.mean, published.std)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_shapes_fit_through_the_whole_forward(preset: str) -> None:
    config = PRESETS[preset]()
    side, states = config.view_side_px, 2
    networks = {stage: built(config, stage) for stage in STAGES}
    with FakeTensorMode() as fakes, torch.no_grad():
        for network in networks.values():
            make_fake(network, fakes, torch.bfloat16)
        views = torch.rand(1, 3, side, side, dtype=torch.bfloat16)
        grid_BNC, pyramid = networks["image_encoder"](views)
        assert grid_BNC.shape == (1, config.grid_side**2, config.grid_channels)
        assert tuple(tuple(m.shape[1:]) for m in pyramid) == config.pyramid_shapes
        prompts = networks["prompt_encoder"]
        map_BMD = prompts.encode_map(torch.rand(1, 5, side, side, dtype=torch.bfloat16))
        regions_BRD = prompts.encode_regions(torch.rand(1, 3, 4), torch.rand(1, 3, 5))
        assert map_BMD.shape == (1, config.prompt_map_tokens, config.prompt_width)
        reasoner, fine = networks["reasoner"], config.fine_side
        weights_BRGG = torch.rand(1, 3, fine, fine, dtype=torch.bfloat16)
        understood = reasoner.understand(grid_BNC, torch.cat([map_BMD, regions_BRD], 1))
        tokens_BTD = understood.tokens_BTO
        places_BR4 = torch.rand(1, 3, 4, dtype=torch.bfloat16)
        looks_BRD = reasoner.regions(
            understood.hybrid_BND, pyramid, regions_BRD, weights_BRGG, places_BR4
        )
        assert tokens_BTD.shape == (1, config.image_tokens, config.width)
        read_BLD = torch.cat([tokens_BTD, looks_BRD], 1)
        hidden_BLD = reasoner.language.base_model(inputs_embeds=read_BLD).last_hidden_state
        logits = reasoner.language.get_output_embeddings()(hidden_BLD[:, -states:])
        assert logits.shape == (1, states, config.language.vocab_size)
        images_Q, states_QD = torch.zeros(states, dtype=torch.long), hidden_BLD[0, -states:]
        drawn = networks["mask_decoder"](
            QueryTensors(grid_BNC, pyramid, images_Q, seg_states_QD=states_QD)
        )
        assert [t.shape for t in drawn[:2]] == [(states, fine, fine), (states,)]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_preset_survives_its_file(preset: str, tmp_path: Path) -> None:
    config = PRESETS[preset]()
    write_config(config, tmp_path / "config.json")
    assert read_config(tmp_path / "config.json") == config


def test_parts_that_do_not_meet_are_refused() -> None:
    config = PRESETS["earthgpt-x"]()
    for broken in (
        {"vit": dataclasses.replace(config.vit, input_side_px=448)},
        {"sam": None},
        {"view_side_px": 512},
        {"image_tokens_side": 5},
        {"mask": dataclasses.replace(config.mask, head="sam3")},
    ):
        with pytest.raises(ValueError):
            dataclasses.replace(config, **broken)
