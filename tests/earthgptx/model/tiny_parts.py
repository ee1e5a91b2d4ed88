"""Pretrained parts as the hub holds them, made tiny; written by timm's and transformers' code."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SamConfig,
    SamModel,
)

from earthgptx.model.presets import PRESETS, ModelConfig
from earthgptx.model.presets.configuration import PromptEncoderConfig
from earthgptx.model.pretrained.assemble import Sources, assemble
from earthgptx.model.pretrained.source import find_source

CARD = "---\nlicense: {licence}\ntags:\n- test\n---\n# A card\nlicense: not this one\n"


def tiny_preset(name: str = "earthgpt-x") -> ModelConfig:
    """A full-size preset with everything narrow and shallow; every part is still there."""
    full = PRESETS[name]()
    conv = dataclasses.replace(
        full.conv, input_side_px=128, widths=(8, 16, 32, 64), depths=(1, 1, 2, 1)
    )
    patch = full.vit.patch_px
    vit = dataclasses.replace(full.vit, input_side_px=4 * patch, width=32, depth=2, heads=2)
    sam = full.sam and dataclasses.replace(
        full.sam,
        input_side_px=128,
        width=32,
        depth=2,
        heads=2,
        channels=32,
        window=3,
        global_blocks=(1,),
    )
    return dataclasses.replace(
        full,
        view_side_px=128,
        width=64,
        hybrid_width=32,
        hybrid_heads=2,
        image_tokens_side=4,
        conv=conv,
        vit=vit,
        sam=sam,
        prompt=PromptEncoderConfig(patch_cells=8, width=32, depth=1, heads=2, fourier_bands=4),
        language=dataclasses.replace(
            full.language,
            vocab_size=512,
            layers=2,
            heads=4,
            key_value_heads=2,
            intermediate=96,
            context_tokens=256,
            extra={k: v for k, v in full.language.extra.items() if k != "head_dim"},
        ),
        mask=dataclasses.replace(full.mask, width=32, layers=1, heads=2, mlp_width=64),
        max_new_tokens=16,
    )


def write_conv(folder: Path, preset: ModelConfig) -> torch.nn.Module:
    """A ConvNeXt with a classifier, as timm publishes them."""
    conv = preset.conv
    network = timm.create_model(
        conv.timm_name, pretrained=False, dims=conv.widths, depths=conv.depths
    )
    return _write_timm(network, folder)


def write_vit(folder: Path, preset: ModelConfig) -> torch.nn.Module:
    """A ViT of another input size than the preset's, as the published ones are."""
    vit = preset.vit
    network = timm.create_model(
        vit.timm_name,
        pretrained=False,
        img_size=7 * vit.patch_px,
        embed_dim=vit.width,
        depth=vit.depth,
        num_heads=vit.heads,
    )
    return _write_timm(network, folder)


def _write_timm(network: torch.nn.Module, folder: Path) -> torch.nn.Module:
    _make_lively(network)
    timm.models.save_for_hf(network, str(folder), safe_serialization=True)
    return network.eval()


def write_sam(folder: Path, preset: ModelConfig) -> SamModel:
    """A whole SAM."""
    sam, mask = preset.sam, preset.mask
    assert sam is not None
    network = SamModel(
        SamConfig(
            vision_config={
                "hidden_size": sam.width,
                "output_channels": sam.channels,
                "num_hidden_layers": sam.depth,
                "num_attention_heads": sam.heads,
                "image_size": sam.input_side_px,
                "window_size": sam.window,
                "global_attn_indexes": list(sam.global_blocks),
                "num_pos_feats": sam.channels // 2,
            },
            prompt_encoder_config={
                "hidden_size": mask.width,
                "image_size": sam.input_side_px,
                "patch_size": sam.patch_px,
            },
            mask_decoder_config={
                "hidden_size": mask.width,
                "mlp_dim": mask.mlp_width,
                "num_hidden_layers": mask.layers,
                "num_attention_heads": mask.heads,
                "iou_head_hidden_dim": mask.width,
            },
        )
    )
    _make_lively(network)
    network.save_pretrained(folder)
    (folder / "README.md").write_text(CARD.format(licence="apache-2.0"))
    return network.eval()


def write_llama(folder: Path) -> LlamaForCausalLM:
    """A LLaMA-2-like model, its head its own, in several shards."""
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=400,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=False,
            rms_norm_eps=1e-5,
        )
    )
    network.to(torch.bfloat16).save_pretrained(folder, max_shard_size="60KB")
    _sentencepiece_like().save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "LICENSE.txt").write_text("\nLLAMA 2 COMMUNITY LICENSE AGREEMENT\nmore\n")
    return network.eval()


def write_qwen(folder: Path) -> Qwen3ForCausalLM:
    """A Qwen3-like model, head and embedding tied, with more rows than words."""
    network = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=640,
            hidden_size=48,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=300,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        )
    )
    network.to(torch.bfloat16).save_pretrained(folder)
    _byte_level().save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "README.md").write_text(CARD.format(licence="apache-2.0"))
    return network.eval()


def _sentencepiece_like() -> Tokenizer:
    """As LLaMA-2's: a space before every piece of text, bytes for what is not a word."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", *(chr(code) for code in range(33, 127)), "▁s", "sh", "▁sh", "ip", "ships"]
    merges = [("▁", "s"), ("s", "h"), ("▁", "sh"), ("i", "p")]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return made


def _byte_level() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|endoftext|>", "<|im_end|>"])
    return made


def _make_lively(network: torch.nn.Module) -> None:
    """Random everywhere: scales and positions that start at zero or one hide mistakes.

    Rounded to what bf16 holds, so that outputs can be compared exactly.
    """
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn_like(parameter) * 0.1
            parameter.copy_((parameter + noise).to(torch.bfloat16))


@dataclass(frozen=True)
class Assembled:
    """A weights folder and the networks its parts come from."""

    preset: ModelConfig
    sources: Sources
    folder: Path
    conv: torch.nn.Module
    vit: torch.nn.Module
    sam: SamModel


def assemble_tiny(root: Path) -> Assembled:
    """The tiny preset out of tiny parts, each of its kind, with several files a stage."""
    torch.manual_seed(3)
    preset = tiny_preset()
    conv = write_conv(root / "conv", preset)
    vit = write_vit(root / "vit", preset)
    sam = write_sam(root / "sam", preset)
    write_llama(root / "llama")
    sources = Sources(*(find_source(str(root / n)) for n in ("conv", "vit", "llama", "sam")))
    assemble(preset, sources, root / "out", shard_limit_bytes=100_000)
    return Assembled(preset, sources, root / "out", conv, vit, sam)
