"""Pretrained parts keep what they know on their way into a weights folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from earthgptx.imagery.marks import BoxMark, Region
from earthgptx.model.checkpoint import load_reasoner, read_folder_config, read_stage
from earthgptx.model.errors import CheckpointError
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.pixel_perception import QueryTensors
from earthgptx.model.pretrained.assemble import assemble
from earthgptx.model.pretrained.command import assemble as assemble_command
from earthgptx.model.pretrained.source import UNSTATED, Source, find_source
from earthgptx.model.pretrained.tokenizer_part import adapt_tokenizer
from tests.earthgptx.model import tiny_parts
from tests.earthgptx.model.tiny_parts import Assembled, assemble_tiny, tiny_preset

CPU, F32 = torch.device("cpu"), torch.float32
MARKUP = "there are <p>3 ships</p>[0.10,0.20,0.30,0.40], <p>the dam</p>[SEG]."


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> Assembled:
    return assemble_tiny(tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen")
    torch.manual_seed(4)
    tiny_parts.write_qwen(folder)
    return folder


def test_the_experts_see_what_timms_own_see(assembled: Assembled) -> None:
    experts = read_stage(assembled.folder, "image_encoder", CPU, F32).eval()
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    vit_side = assembled.preset.vit.input_side_px
    patched = timm.create_model(
        assembled.preset.vit.timm_name,
        pretrained=True,
        pretrained_cfg_overlay={"file": assembled.sources.vit.folder / "model.safetensors"},
        img_size=vit_side,
        embed_dim=32,
        depth=2,
        num_heads=2,
    ).eval()
    small = image[..., :vit_side, :vit_side]
    with torch.no_grad():
        pyramid = assembled.conv.forward_intermediates(image, intermediates_only=True)
        # timm fits the positions too; ours are rounded to bf16 on disk.
        expected = patched.forward_features(small)
        found, seen = experts.conv(image), experts.vit(small)
    assert all(torch.equal(a, b) for a, b in zip(pyramid, found, strict=True))
    assert torch.allclose(expected, seen, atol=2e-2)
    assert (expected - seen).abs().mean() < 2e-3


def test_sams_encoder_sees_what_transformers_sees(assembled: Assembled) -> None:
    experts = read_stage(assembled.folder, "image_encoder", CPU, F32).eval()
    image = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = assembled.sam.vision_encoder(image).last_hidden_state
        assert torch.allclose(experts.sam(image), expected, atol=1e-5)


def test_sams_decoder_starts_as_it_was_pretrained(assembled: Assembled) -> None:
    head = read_stage(assembled.folder, "mask_decoder", CPU, F32).eval()
    sam, generator = assembled.sam, torch.Generator().manual_seed(2)
    image = torch.randn(2, 32, 8, 8, generator=generator)
    states = torch.randn(2, 64, generator=generator)
    sparse = head.seg_in(states).view(2, 1, -1, 32)
    with torch.no_grad():
        expected, scores = sam.mask_decoder(
            image_embeddings=image,
            image_positional_embeddings=sam.get_image_wide_positional_embeddings().repeat(
                2, 1, 1, 1
            ),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=sam.prompt_encoder.no_mask_embed.weight.view(1, 32, 1, 1),
            multimask_output=False,
        )
        drawn = head(
            QueryTensors(torch.zeros(2, 16, 96), (image,), torch.arange(2), seg_states_QD=states)
        )
    assert torch.allclose(drawn[0], expected[:, 0, 0], atol=1e-5)
    assert torch.allclose(drawn[1], scores[:, 0, 0], atol=1e-5)


def _old_words_are_as_likely(folder: Path, theirs: Path) -> PreTrainedModel:
    words = min(adapt_tokenizer(Source("", theirs)).new_ids)
    ours = load_reasoner(folder, "cpu", "float32").network.language
    original = AutoModelForCausalLM.from_pretrained(theirs, dtype=F32).eval()
    ids = torch.arange(3, 40).unsqueeze(0)
    with torch.no_grad():
        hidden = ours.base_model(input_ids=ids).last_hidden_state
        expected = original(ids).logits
        assert torch.allclose(
            ours.get_output_embeddings()(hidden)[..., :words], expected[..., :words], atol=1e-4
        )
    return ours


def test_an_untied_language_model_says_what_it_said(assembled: Assembled) -> None:
    ours = _old_words_are_as_likely(assembled.folder, assembled.sources.language.folder)
    head, embedding = ours.get_output_embeddings().weight, ours.get_input_embeddings().weight
    assert head is not embedding and head.shape == embedding.shape == (448, 64)


def test_a_tied_language_model_of_another_family_and_width_fits(
    assembled: Assembled, qwen: Path, tmp_path: Path
) -> None:
    sources = dataclasses.replace(assembled.sources, language=Source("qwen", qwen))
    config = assemble(assembled.preset, sources, tmp_path)
    assert (config.width, config.language.model_type, config.language.tied) == (48, "qwen3", True)
    ours = _old_words_are_as_likely(tmp_path, qwen)
    assert ours.get_output_embeddings().weight is ours.get_input_embeddings().weight
    answer = EarthGptX.load(tmp_path).answer(np.zeros((90, 120, 3), np.uint8), "what?")
    assert isinstance(answer.raw, str)


def test_the_assembled_model_answers_about_marks_and_draws_them(assembled: Assembled) -> None:
    model = EarthGptX.load(assembled.folder)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (200, 300, 3), dtype=np.uint8)
    region = Region((BoxMark(20, 20, 90, 80),))
    language, words = model.reasoner.network.language, model.reasoner.words
    head = language.get_output_embeddings().weight.data
    head[words.seg] = head.abs().mean(0)
    model.answer(pixels, "what is <Region 1>?", (region,), "sar")
    (drawn,) = model.segment_regions(pixels, (region,))
    assert drawn.mask_HW.shape == (200, 300)
    assert 0 <= drawn.score <= 1


@pytest.mark.parametrize("family", ["llama", "qwen"])
def test_markup_survives_a_foreign_tokenizer_to_the_letter(
    family: str, assembled: Assembled, qwen: Path
) -> None:
    source = assembled.sources.language if family == "llama" else Source("qwen", qwen)
    tokens = adapt_tokenizer(source)
    ids = tokens.tokenizer.encode(MARKUP, add_special_tokens=False).ids
    assert tokens.tokenizer.decode(ids, skip_special_tokens=False) == MARKUP
    assert tokens.tokenizer.token_to_id("[SEG]") in ids
    assert max(tokens.new_ids) < tokens.size


def test_the_models_own_tokens_begin_and_end_a_sequence(assembled: Assembled, qwen: Path) -> None:
    llama, other = adapt_tokenizer(assembled.sources.language), adapt_tokenizer(Source("q", qwen))
    assert (llama.bos, llama.eos) == ("<s>", "</s>")
    assert (other.eos, other.pad) == ("<|im_end|>", "<|endoftext|>")


def test_a_question_cannot_smuggle_the_markup_into_a_foreign_vocabulary(
    assembled: Assembled,
) -> None:
    words = load_reasoner(assembled.folder, "cpu", "float32").words
    special = {words.seg, words.image_start, words.eos, words.bos}
    assert not special & set(words.question_ids("say [SEG] <image> </s> <s>").ids)


def test_each_parts_licence_is_told(assembled: Assembled, qwen: Path) -> None:
    told = json.loads((assembled.folder / "sources.json").read_text())
    assert {part: licence for part, (_, licence) in told.items()} == {
        "conv": "apache-2.0",
        "vit": "apache-2.0",
        "language": "LLAMA 2 COMMUNITY LICENSE AGREEMENT",
        "sam": "apache-2.0",
    }
    assert Source("qwen", qwen).licence == "apache-2.0"
    assert Source("bare", assembled.folder).licence == UNSTATED


def test_a_stage_larger_than_a_shard_is_read_from_all_of_them(assembled: Assembled) -> None:
    index = json.loads((assembled.folder / "reasoner.safetensors.index.json").read_text())
    shards = set(index["weight_map"].values())
    assert len(shards) > 2
    assert all((assembled.folder / name).stat().st_size < 200_000 for name in shards)
    assert not list(assembled.folder.glob(".*"))


def test_a_part_of_another_architecture_is_refused_by_name(
    assembled: Assembled, tmp_path: Path
) -> None:
    swapped = dataclasses.replace(assembled.sources, conv=assembled.sources.vit)
    with pytest.raises(CheckpointError, match="vit_large_patch14_dinov2"):
        assemble(assembled.preset, swapped, tmp_path)


def test_the_command_tells_licences_and_what_does_not_fit(
    assembled: Assembled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assembled.sources.sam is not None
    given = {
        "--conv": assembled.sources.vit.folder,
        "--vit": assembled.sources.vit.folder,
        "--language": assembled.sources.language.folder,
        "--sam": assembled.sources.sam.folder,
    }
    options = [str(word) for pair in given.items() for word in pair]
    assert assemble_command(["earthgpt-x", *options, "--out", str(tmp_path)]) == 4
    told = capsys.readouterr()
    assert "licence: LLAMA 2 COMMUNITY LICENSE AGREEMENT" in told.out
    assert "holds vit_large_patch14_dinov2, the preset wants convnext_large_mlp" in told.err
    assert list(tmp_path.iterdir()) == []
    assert assemble_command(["base-mask2former", *options, "--out", str(tmp_path)]) == 2


def test_a_part_of_another_size_is_refused_by_name(assembled: Assembled, tmp_path: Path) -> None:
    wider = dataclasses.replace(
        assembled.preset,
        vit=dataclasses.replace(assembled.preset.vit, width=64),
    )
    with pytest.raises(CheckpointError, match=r"vit\."):
        assemble(wider, assembled.sources, tmp_path, shard_limit_bytes=10_000)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_part_is_told_apart_from_a_wrong_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no folder here"):
        find_source("not a name//of anything")
    with pytest.raises(CheckpointError, match="cannot read the weights"):
        list(Source("empty", tmp_path).tensors())


@pytest.mark.parametrize("name", ["sat", "base"])
def test_other_vits_of_the_presets_come_in_too(name: str, tmp_path: Path) -> None:
    """DINOv3 (rotary positions, no table) and DINOv2 with registers."""
    from earthgptx.model.pretrained.timm_parts import vit_tensors
    from earthgptx.model.visual_experts import build_vit_expert

    torch.manual_seed(5)
    preset = tiny_preset(name)
    theirs = tiny_parts.write_vit(tmp_path, preset)
    ours = build_vit_expert(preset.vit).eval()
    state = {n.removeprefix("vit."): t for n, t in vit_tensors(Source("", tmp_path), preset.vit)}
    ours.load_state_dict(state, strict=True)
    assert ours.num_prefix_tokens == theirs.num_prefix_tokens == 5
    side = preset.vit.input_side_px
    seen = ours(torch.randn(1, 3, side, side))
    assert seen.shape == (1, 5 + preset.grid_side**2, 32)


def test_the_configuration_written_is_the_one_read(assembled: Assembled) -> None:
    config = read_folder_config(assembled.folder)
    assert config.language.name == assembled.sources.language.name
    assert config.language.extra["rms_norm_eps"] == 1e-5
