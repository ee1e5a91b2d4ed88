"""A configuration as a JSON file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from earthgptx.model.presets.configuration import (
    ConvExpertConfig,
    LanguageModelConfig,
    MaskDecoderConfig,
    ModelConfig,
    PromptEncoderConfig,
    SamEncoderConfig,
    VitExpertConfig,
)

_PARTS = {
    "conv": ConvExpertConfig,
    "vit": VitExpertConfig,
    "prompt": PromptEncoderConfig,
    "language": LanguageModelConfig,
    "mask": MaskDecoderConfig,
    "sam": SamEncoderConfig,
}


def write_config(config: ModelConfig, path: Path) -> None:
    """Writes ``config`` as JSON."""
    path.write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")


def read_config(path: Path) -> ModelConfig:
    """Reads what ``write_config`` wrote.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, unknown, or does not fit the others.
    """
    raw = json.loads(path.read_text())
    for name, cls in _PARTS.items():
        if raw.get(name) is not None:
            fields = {k: tuple(v) if isinstance(v, list) else v for k, v in raw[name].items()}
            raw[name] = cls(**fields)
    raw["tallied_labels"] = tuple(raw.get("tallied_labels", ()))
    return ModelConfig(**raw)
