"""Averaged weights of a training that is still going, as the services read them.

python -m earthgptx.training.export runs/nano /tmp/weights
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from safetensors import safe_open

from earthgptx.model.checkpoint import STAGES, build_stage, save_stage
from earthgptx.model.presets import ModelConfig, read_config
from earthgptx.training.state import lasting_buffers


def export_average(run: Path, out: Path, config: ModelConfig) -> None:
    """Writes one weights file a stage from the last state of a training folder.

    Raises:
        FileNotFoundError: the training has not saved a state yet.
    """
    with safe_open(run / "state.safetensors", "pt") as state, torch.no_grad():
        for stage in STAGES:
            network = build_stage(config, stage)
            for name, parameter in network.named_parameters():
                parameter.copy_(state.get_tensor(f"average/{stage}.{name}"))
            for name, held in lasting_buffers(network).items():
                held.copy_(state.get_tensor(f"buffer/{stage}.{name}"))
            save_stage(network, out, stage)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Export a running training's averaged weights.")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for copied in ("config.json", "tokenizer.json"):
        shutil.copy(given.run / copied, given.out / copied)
    export_average(given.run, given.out, read_config(given.run / "config.json"))
