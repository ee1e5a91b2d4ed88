"""Small random models, real parts: everything runs in milliseconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from earthgptx.model.presets import ModelConfig, nano

SPECIAL = [
    "<pad>",
    "<bos>",
    "<eos>",
    "<image>",
    "</image>",
    "<optical>",
    "<sar>",
    "<infrared>",
    "<unknown>",
    "<region>",
    "[SEG]",
    "<p>",
    "</p>",
]


@pytest.fixture(scope="session")
def config() -> ModelConfig:
    """The shipped configuration."""
    return nano()


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A byte-level tokenizer with the special tokens and hardly any merges."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["what is <Region 1>? how many ships are there?"] * 4, trainer)
    return made


@pytest.fixture(scope="session")
def weights(
    tmp_path_factory: pytest.TempPathFactory, config: ModelConfig, tokenizer: Tokenizer
) -> Path:
    """A complete weights folder with random weights."""
    import torch

    from earthgptx.model.checkpoint import STAGES, build_stage, save_stage
    from earthgptx.model.presets import write_config

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(1)
    write_config(config, folder / "config.json")
    tokenizer.save(str(folder / "tokenizer.json"))
    for stage in STAGES:
        save_stage(build_stage(config, stage), folder, stage)
    return folder
