"""Trained weights, much further: for where there is a GPU.

A recipe as those of ``recipes``; what takes one GPU eight minutes takes two cores nine hours.
"""

from __future__ import annotations

from pathlib import Path

import torch

from earthgptx.model.language_model import Words
from earthgptx.model.presets import read_config
from earthgptx.training.export import copy_configuration, read_average
from earthgptx.training.network import MaskQueries, TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import REFINEMENT_SHARES, all_parts, train_refined
from earthgptx.training.settings import LoopSettings

# Real sets are small: seen much more often than this they would be learnt by heart.
FURTHER_SHARES = REFINEMENT_SHARES | {
    "synthetic-optical": 0.2,
    "synthetic-sar": 0.2,
    "synthetic-infrared": 0.24,
    "hit_uav": 0.14,
    "mstar_chips": 0.08,
    "buildings": 0.06,
}
# The average looks back over about this share of the steps.
AVERAGED_SHARE = 0.2


def further(
    start: Path,
    data: Path | None,
    folder: Path,
    steps: int,
    batch_size: int = 128,
    learning_rate: float = 1.4e-3,
    seed: int = 0,
    processes: Processes | None = None,
) -> None:
    """``earthgptx train further --start runs/nano --out runs/further --data DIR``.

    All parts learn, the experts too; the conv expert's batch norms stand still.

    Args:
        start: folder of a run of ``earthgptx train nano``, with its state.
        data: as there.
        folder: of this run; training goes on where it left off.
        steps: optimiser steps.
        batch_size: images a step.
        learning_rate: the highest; it falls to zero from three tenths of the steps on.
        seed: of samples and marks.
        processes: None trains in this process alone, on the CPU.

    Raises:
        FileNotFoundError: ``start`` holds no state.
    """
    torch.manual_seed(seed)
    config = read_config(start / "config.json")
    network = TrainingNetwork(config, queries=many_masks(batch_size))
    read_average(start, network)
    copy_configuration(start, folder)
    settings = LoopSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=200,
        words_from=0.0,
        settling_steps=0,
        conv_rests=False,
        decay_from=0.3,
        average_decay=max(1 - 1 / (AVERAGED_SHARE * max(steps, 1)), 0.0),
    )
    parts = all_parts(data, folder, FURTHER_SHARES, by_label=True)
    words = Words.read(folder / "tokenizer.json")
    train_refined(network, words, parts, settings, seed + 2, folder, processes)


def many_masks(batch_size: int) -> MaskQueries:
    """As many of each kind as a GPU has time for, for a batch of so many images."""
    return MaskQueries(
        most_seg=batch_size * 3 // 2,
        most_meant=batch_size * 2,
        most_region=batch_size * 3 // 4,
        most_counted=batch_size * 3 // 2,
        meant_beside_words=True,
    )
