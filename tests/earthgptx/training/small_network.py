"""Nano with one layer of each kind: a step takes a blink."""

from __future__ import annotations

import dataclasses

from earthgptx.model.presets import ModelConfig, nano


def small(vocab_size: int) -> ModelConfig:
    """The configuration, for a tokenizer of ``vocab_size`` tokens."""
    whole = nano()
    return dataclasses.replace(
        whole,
        vit=dataclasses.replace(whole.vit, depth=1),
        prompt=dataclasses.replace(whole.prompt, depth=1),
        language=dataclasses.replace(whole.language, layers=1, vocab_size=vocab_size),
    )
