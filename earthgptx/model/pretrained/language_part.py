"""A causal language model from transformers' folder, with room for our tokens in its embedding.

V words, D width.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from transformers import AutoConfig, PretrainedConfig

from earthgptx.model.errors import CheckpointError
from earthgptx.model.presets import ModelConfig
from earthgptx.model.presets.configuration import LanguageModelConfig
from earthgptx.model.pretrained.source import Source
from earthgptx.model.pretrained.tokenizer_part import AdaptedTokenizer

# Rows are a multiple of it, as matrix kernels like it.
ROWS_MULTIPLE = 64
# Share of the embedding's own spread by which new tokens differ from its mean and each other.
NEW_ROW_SPREAD = 0.1
# What our configuration says in its own words, or what does not decide shapes or numerics.
_ELSEWHERE = {
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"),
    *("num_attention_heads", "num_key_value_heads", "max_position_embeddings"),
    *("tie_word_embeddings", "model_type", "architectures", "dtype", "torch_dtype"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "transformers_version", "use_cache"),
    *("_name_or_path", "quantization_config"),
}


def fit_language(config: ModelConfig, source: Source, tokens: AdaptedTokenizer) -> ModelConfig:
    """``config`` with the language model that ``source`` holds, whatever its family and size.

    Raises:
        CheckpointError: it holds no causal language model that transformers knows.
    """
    try:
        found = AutoConfig.from_pretrained(source.folder)
        language = _described(config.language, source, found, tokens)
        return dataclasses.replace(config, width=int(found.hidden_size), language=language)
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{source.name} is no causal language model: {error}") from error


def _described(
    preset: LanguageModelConfig, source: Source, found: PretrainedConfig, tokens: AdaptedTokenizer
) -> LanguageModelConfig:
    rows = max(int(found.vocab_size), tokens.size)
    heads = int(found.num_attention_heads)
    return LanguageModelConfig(
        vocab_size=-(-rows // ROWS_MULTIPLE) * ROWS_MULTIPLE,
        layers=int(found.num_hidden_layers),
        heads=heads,
        key_value_heads=int(getattr(found, "num_key_value_heads", None) or heads),
        intermediate=int(found.intermediate_size),
        context_tokens=min(preset.context_tokens, int(found.max_position_embeddings)),
        model_type=found.model_type,
        tied=bool(found.tie_word_embeddings),
        name=source.name,
        bos_token=tokens.bos,
        eos_token=tokens.eos,
        pad_token=tokens.pad,
        extra={k: v for k, v in found.to_diff_dict().items() if k not in _ELSEWHERE},
    )


def language_tensors(
    source: Source, language: LanguageModelConfig, new_ids: Sequence[int], seed: int
) -> Iterator[tuple[str, Tensor]]:
    """Its tensors under ``language.``, embedding and head with a row for every token.

    Raises:
        CheckpointError: the folder holds no readable weights.
    """
    for name, tensor in source.tensors():
        if name.endswith("rotary_emb.inv_freq"):
            continue  # a table older releases wrote
        if name == "lm_head.weight" and language.tied:
            continue
        if name == "lm_head.weight" or name.endswith("embed_tokens.weight"):
            tensor = with_rows(tensor, language.vocab_size, new_ids, seed)
        yield "language." + name, tensor


def with_rows(rows_VD: Tensor, count: int, new_ids: Sequence[int], seed: int) -> Tensor:
    """``rows_VD`` with ``count`` rows; those of new tokens lie near the mean of the old.

    At the mean a new token is as likely as an average old one, and changes little before it is
    trained (Hewitt 2021); the small differences let tokens part.
    """
    known_VD = rows_VD.float()
    mean_D, spread_D = known_VD.mean(0), known_VD.std(0)
    grown_VD = rows_VD.new_empty((count, rows_VD.shape[1]))
    grown_VD[: len(rows_VD)] = rows_VD
    grown_VD[len(rows_VD) :] = mean_D.to(rows_VD.dtype)
    generator = torch.Generator().manual_seed(seed)
    for number in new_ids:
        off_D = torch.randn(len(mean_D), generator=generator) * spread_D * NEW_ROW_SPREAD
        grown_VD[number] = (mean_D + off_D).to(rows_VD.dtype)
    return grown_VD
