"""An adapter finds the layers of whatever family a language model is of, and names them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from earthgptx.model.adapters import adapter_tensors, add_adapter, merged, save_adapter
from earthgptx.model.language_model import build_language_model
from earthgptx.model.presets import nano

LLAMA = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
LAYERS = {
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "gemma": LLAMA,
    "phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
    "gpt_neox": {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
    "gpt2": {"c_attn", "c_proj", "c_fc"},
    "opt": {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"},
}
OWN_FIELDS = {
    "gpt2": {"n_inner": 48},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}
NEW_TOKENS = [90, 91]


def language_of(family: str) -> PreTrainedModel:
    """A random one; the same each time."""
    torch.manual_seed(0)
    fields = {
        "vocab_size": 96,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **OWN_FIELDS.get(
            family, {"num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 48}
        ),
    }
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **fields)).eval()


@pytest.mark.parametrize("family", LAYERS)
def test_an_adapter_of_any_family_is_read_back_by_the_names_it_tells(
    family: str, tmp_path: Path
) -> None:
    ids = torch.arange(80, 96).unsqueeze(0)
    language = language_of(family)
    settings = add_adapter(language, 2, NEW_TOKENS)
    for parameter in language.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    save_adapter(adapter_tensors(language), settings, tmp_path)
    told = json.loads((tmp_path / "adapter_config.json").read_text())
    assert set(told["target_modules"]) == LAYERS[family]
    with torch.no_grad():
        learnt = language(input_ids=ids).logits
        base = language_of(family)
        plain = base(input_ids=ids).logits
        read = merged(base, tmp_path)(input_ids=ids).logits
    assert torch.allclose(read, learnt, atol=1e-4)
    assert (read - plain).abs().max() > 0.05


def test_nanos_adapters_are_beside_the_layers_they_always_were() -> None:
    language = build_language_model(nano())
    assert add_adapter(language, 2).target_modules == LLAMA
    beside = {
        name.partition(".lora_A")[0].rpartition(".")[2]
        for name, _ in language.named_parameters()
        if "lora_A" in name
    }
    assert beside == LLAMA
