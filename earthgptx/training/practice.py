"""Trained weights go on practising: some parts learn, all others stay what they are, bit for bit.

What rests needs no gradients, so two cores show a part in an hour what a GPU would in a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from earthgptx.model.language_model import Words
from earthgptx.model.presets import ModelConfig
from earthgptx.training.export import copy_configuration, export_learnt
from earthgptx.training.learning import Learning, LearningPart, open_to_learn
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import MaskQueries
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import all_parts
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from earthgptx.training.tune import start_from


@dataclass(frozen=True)
class Practice:
    """What learns, and from what.

    Attributes:
        parts: that learn.
        shares: of the sources (``recipes.SHARES``).
        queries: masks a step.
        samples: makes the settings of its samples, of what a view measures.
        seed_offset: keeps its samples apart from those of other recipes with the same seed.
    """

    parts: frozenset[LearningPart]
    shares: Mapping[str, float]
    queries: MaskQueries
    samples: Callable[..., SampleSettings]
    seed_offset: int


def practice_samples(practice: Practice, config: ModelConfig) -> SampleSettings:
    """How samples are made for a model: of words and marks, for trained weights need no others."""
    sides = (config.view_side_px, config.grid_side)
    return practice.samples(*sides, most_whole_labels=0, most_qualified=0)


def practise(
    practice: Practice,
    start: Path,
    data: Path | None,
    folder: Path,
    steps: int,
    learning_rate: float,
    batch_size: int = 16,
    seed: int = 0,
    kept: float = 0.0,
    processes: Processes | None = None,
) -> None:
    """``earthgptx train regions|drawing --start weights/nano --data DIR --out DIR``.

    Args:
        practice: what learns, and from what.
        start: the weights folder to start from.
        data: folder of COCO-style folders; None trains on synthetic scenes alone.
        folder: of this run, gets finished weights; training goes on where it left off.
        steps: optimiser steps.
        learning_rate: the highest; it falls to zero from three tenths of the steps on.
        batch_size: images a step.
        seed: of samples and marks.
        kept: share of the starting weights in the finished ones, 0 to below 1.
        processes: None trains in this process alone, on the CPU.

    Raises:
        CheckpointError: the weights cannot be read.
        ValueError: ``kept`` is out of range.
    """
    if not 0 <= kept < 1:
        raise ValueError(f"--keep {kept:g}: a share from 0 to below 1")
    processes = processes or Processes(on_cpu=True)
    torch.manual_seed(seed)
    network = start_from(start, processes)
    network.queries = practice.queries
    learnt, _ = open_to_learn(network, Learning(practice.parts))
    copy_configuration(start, folder)
    settings = LoopSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        words_from=0.0,
        settling_steps=0,
        decay_from=0.3,
    )
    parts = all_parts(data, folder, practice.shares, by_label=True)
    samples = practice_samples(practice, network.config)
    mixture = Mixture(parts, samples, seed + practice.seed_offset, steps * batch_size)
    words = Words.read(folder / "tokenizer.json")
    export = partial(export_learnt, network, learnt, start, folder, kept=kept)
    train(network, mixture, words, settings, folder, processes, export)
