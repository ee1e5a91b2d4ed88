"""One's own data on trained weights: parts of the model learn, or an adapter, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from peft import LoraConfig

from earthgptx.model.adapters import merged
from earthgptx.model.checkpoint import (
    STAGES,
    model_version,
    read_folder_config,
    read_stage,
    save_stage,
)
from earthgptx.model.language_model import Words
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.reasoner import ReasonerNetwork
from earthgptx.model.weight_files import copy_stage
from earthgptx.training.dense_heads import DenseHeads
from earthgptx.training.export import copy_configuration, export_adapter, export_learnt
from earthgptx.training.learning import Learning, open_to_learn
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.own_data import (
    mixed_with_synthetic,
    open_own_set,
    shown_of,
    steps_an_epoch,
)
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings

ADAPTER = "adapter"


def tune(
    start: Path,
    paths: Sequence[Path],
    folder: Path,
    steps: int,
    learning: Learning,
    seed: int = 0,
    rehearsal: float = 0.2,
    batch_size: int = 16,
    learning_rate: float = 2e-4,
    save_every: int = 250,
    processes: Processes | None = None,
) -> None:
    """``earthgptx train tune --start weights/nano --data my.jsonl --out runs/mine``.

    Args:
        start: the weights folder to start from.
        paths: datasets in any of the formats that ``earthgptx data formats`` lists.
        folder: of the run; gets finished weights, and an adapter in ``adapter/`` if one learnt;
            where it learnt alone, nothing else.
        steps: optimiser steps.
        learning: what learns.
        seed: of samples and marks.
        rehearsal: share of synthetic scenes in between, for the model not to forget the rest.
        batch_size: images a step.
        learning_rate: the highest, of the model's own weights; an adapter's is 15 times that.
        save_every: steps between two states that a cut off run goes on from.
        processes: None trains in this process alone, on the CPU.

    Raises:
        CheckpointError: the weights cannot be read.
        DataError: a dataset is empty or broken.
        ValueError: the model has no such part, or the run's state is one of other parts.
    """
    processes = processes or Processes(on_cpu=True)
    torch.manual_seed(seed)
    network = start_from(start, processes)
    words = Words.read(start / "tokenizer.json", network.config.language)
    own = [open_own_set(path) for path in paths]
    # Ids that only this family uses; nano learnt all words together.
    new_tokens = words.markup_ids() if network.config.language.name else []
    tuned = _Tuned(network, *open_to_learn(network, learning, new_tokens))
    settings = LoopSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=min(50, max(steps // 10, 1)),
        words_from=0.0,
        settling_steps=0,
        conv_rests=not any(p.requires_grad for p in network.image_encoder.conv.parameters()),
        decay_from=0.5,
        save_every=save_every,
        pictures_every=steps_an_epoch(own, rehearsal, batch_size, steps),
        # A short run has a curve, too.
        log_every=min(10, max(steps // 100, 1)),
    )
    mixture = Mixture(
        mixed_with_synthetic(own, rehearsal),
        SampleSettings(network.config.view_side_px, network.config.grid_side),
        seed,
        settings.steps * settings.batch_size,
    )
    copy_configuration(start, folder)
    export = partial(tuned.export, start, folder)
    train(network, mixture, words, settings, folder, processes, export, shown_of(own))


@dataclass(frozen=True)
class _Tuned:
    """A network of which some learns.

    Attributes:
        names: of its own parameters that learn.
        adapter: settings of the one beside its language model, if there is one.
    """

    network: TrainingNetwork
    names: frozenset[str]
    adapter: LoraConfig | None

    def export(self, start: Path, folder: Path, processes: Processes) -> None:
        """Writes what learnt; every process has to take part."""
        if self.names:
            export_learnt(self.network, self.names, start, folder, processes)
        if self.adapter is not None:
            language = self.network.reasoner.language
            export_adapter(language, self.adapter, folder / ADAPTER, processes)


def start_from(folder: Path, processes: Processes) -> TrainingNetwork:
    """All stages of a weights folder, to be trained on by words and masks.

    A process that will be given slices of the weights reads none: its parameters have no memory.

    Raises:
        CheckpointError: a file is missing or broken.
    """
    config = read_folder_config(folder)
    with parameters_without_memory():
        network = TrainingNetwork(config, helped=False)
    if processes.gets_slices:
        return network
    for stage in STAGES:
        setattr(network, stage, read_stage(folder, stage, torch.device("cpu"), torch.float32))
    # No weights folder holds it.
    network.dense = DenseHeads(config, config.grid_channels)
    return network


def merge_adapter(start: Path, adapter: Path, out: Path) -> str:
    """A weights folder of ``start`` with an adapter merged in; returns the reasoner's version.

    Raises:
        CheckpointError: the weights cannot be read, or the folder holds no adapter of theirs.
    """
    reasoner = read_stage(start, "reasoner", torch.device("cpu"), torch.float32)
    assert isinstance(reasoner, ReasonerNetwork)
    reasoner.language = merged(reasoner.language, adapter)
    copy_configuration(start, out)
    for stage in STAGES:
        if stage != "reasoner":
            copy_stage(start, out, stage)
    save_stage(reasoner, out, "reasoner")
    return model_version(out, "reasoner")
