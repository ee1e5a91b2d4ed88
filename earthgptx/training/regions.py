"""What is said of marks, practised: regions' tokens and the language model learn.

Experts, prompt encoder and mask decoder rest, so masks of marks stay what they are, to the bit. Two
cores show in an hour what a GPU would in a minute: enough to learn to say where things are.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from earthgptx.model.language_model import Words
from earthgptx.training.export import copy_configuration, export_learnt
from earthgptx.training.learning import Learning, LearningPart, open_to_learn
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import MaskQueries
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import SHARES, all_parts
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from earthgptx.training.tune import start_from

# Colours show in optical images alone.
REGION_SHARES = SHARES | {
    "synthetic-optical": 0.42,
    "synthetic-sar": 0.14,
    "synthetic-infrared": 0.17,
    "hit_uav": 0.12,
    "mstar_chips": 0.05,
    "buildings": 0.03,
}
# Names are known; colours, places and what they make up are not.
QUESTION_SHARES = {
    "classify_one": 1.5,
    "classify_all": 0.8,
    "caption_brief": 2.5,
    "caption_detailed": 1.0,
    "colour": 2.0,
    "named": 0.8,
    "place": 1.5,
    "relate": 1.2,
    "mark_to_mask": 0.3,
}
# Enough of them that [SEG] goes on meaning what the resting mask decoder draws.
FEW_MASKS = MaskQueries(most_seg=12, most_meant=0, most_region=0, most_counted=0)


def regions(
    start: Path,
    data: Path | None,
    folder: Path,
    steps: int,
    batch_size: int = 16,
    learning_rate: float = 2.5e-4,
    workers: int = 1,
    seed: int = 0,
    processes: Processes | None = None,
) -> None:
    """``earthgptx train regions --start weights/nano --data DIR --out runs/regions``.

    Args:
        start: the weights folder to start from.
        data: folder of COCO-style folders; None trains on synthetic scenes alone.
        folder: of this run, gets finished weights; training goes on where it left off.
        steps: optimiser steps.
        batch_size: images a step.
        learning_rate: the highest; it falls to zero from three tenths of the steps on.
        workers: data processes.
        seed: of samples and marks.
        processes: None trains in this process alone, on the CPU.

    Raises:
        CheckpointError: the weights cannot be read.
    """
    processes = processes or Processes(on_cpu=True)
    torch.manual_seed(seed)
    network = start_from(start, processes)
    network.queries = FEW_MASKS
    learning = Learning(frozenset({LearningPart.REGIONS, LearningPart.LANGUAGE}))
    learnt, _ = open_to_learn(network, learning)
    copy_configuration(start, folder)
    settings = LoopSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        words_from=0.0,
        settling_steps=0,
        decay_from=0.3,
        workers=workers,
    )
    samples = SampleSettings(
        network.config.view_side_px,
        network.config.grid_side,
        zoom_probability=0.35,
        tile_probability=0.5,
        plain_count=4,
        marked_shares=QUESTION_SHARES,
        most_whole_labels=0,
        most_qualified=0,
    )
    parts = all_parts(data, folder, REGION_SHARES, by_label=True)
    mixture = Mixture(parts, samples, seed + 3, settings.steps * settings.batch_size)
    words = Words.read(folder / "tokenizer.json")
    export = partial(export_learnt, network, learnt, start, folder)
    train(network, mixture, words, settings, folder, processes, export)
