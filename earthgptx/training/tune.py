"""One's own data on trained weights: all of the model, or an adapter of its language model."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from earthgptx.data.adapters.dataset import Dataset
from earthgptx.data.adapters.registry import open_dataset
from earthgptx.data.coco_folder import DataError
from earthgptx.data.records import InstructionRecord
from earthgptx.model.adapters import add_adapter, merged
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
from earthgptx.training.dense_heads import DenseHeads
from earthgptx.training.export import copy_configuration, export_adapter
from earthgptx.training.loop import train
from earthgptx.training.mixture import Drawn, Mixture, MixturePart, folder_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.pictures import Shown, shown_of_image, shown_of_record
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import synthetic_parts
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings

# A set ten times as large is seen about three times as often.
TEMPERATURE = 2.0
ADAPTER = "adapter"
MOST_SHOWN = 3


def tune(
    start: Path,
    paths: Sequence[Path],
    folder: Path,
    steps: int,
    seed: int = 0,
    rank: int = 0,
    rehearsal: float = 0.2,
    batch_size: int = 16,
    processes: Processes | None = None,
) -> None:
    """``earthgptx train tune --start weights/nano --data my.jsonl --out runs/mine``.

    Args:
        start: the weights folder to start from.
        paths: datasets in any of the formats that ``earthgptx data formats`` lists.
        folder: of the run; gets finished weights, or with ``rank`` the adapter in ``adapter/``.
        steps: optimiser steps.
        seed: of samples and marks.
        rank: of the adapter; 0 trains everything but the conv expert.
        rehearsal: share of synthetic scenes in between, for the model not to forget the rest.
        batch_size: images a step.
        processes: None trains in this process alone, on the CPU.

    Raises:
        CheckpointError: the weights cannot be read. DataError: a dataset is empty or broken.
    """
    processes = processes or Processes(on_cpu=True)
    torch.manual_seed(seed)
    network = start_from(start, processes)
    words = Words.read(start / "tokenizer.json", network.config.language)
    copy_configuration(start, folder)
    export = None
    if rank:
        network.requires_grad_(False)
        adapter = add_adapter(network.reasoner.language, rank, _new_tokens(network, words))
        export = partial(export_adapter, network.reasoner.language, adapter, folder / ADAPTER)
    settings = LoopSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=3e-3 if rank else 2e-4,
        warmup_steps=min(50, max(steps // 10, 1)),
        words_from=0.0,
        settling_steps=0,
        decay_from=0.5,
        pictures_every=max(steps // 3, 1),
    )
    own = [_all_of(open_dataset(path)) for path in paths]
    mixture = Mixture(
        own_parts(paths, own, rehearsal),
        SampleSettings(network.config.view_side_px, network.config.grid_side),
        seed,
        settings.steps * settings.batch_size,
    )
    train(network, mixture, words, settings, folder, processes, export, shown_of(own))


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


def shown_of(own: Sequence[Sequence[Drawn]]) -> list[Shown]:
    """Questions about the first of each dataset."""
    shown: list[Shown] = []
    for drawn in own:
        for first in drawn[:MOST_SHOWN]:
            if isinstance(first, InstructionRecord):
                shown.append(shown_of_record(first))
            else:
                shown += shown_of_image(first, seed=0)
    return shown[: 3 * MOST_SHOWN]


def own_parts(
    paths: Sequence[Path], own: Sequence[Sequence[Drawn]], rehearsal: float
) -> list[MixturePart]:
    """Each dataset with its share by temperature, and synthetic scenes."""
    sizes = [len(drawn) ** (1 / TEMPERATURE) for drawn in own]
    parts = [
        MixturePart(path.stem, folder_source(drawn), (1 - rehearsal) * size / sum(sizes))
        for path, drawn, size in zip(paths, own, sizes, strict=True)
    ]
    scenes = synthetic_parts()
    total = sum(part.share for part in scenes)
    return parts + [
        MixturePart(part.name, part.source, rehearsal * part.share / total) for part in scenes
    ]


def merge_adapter(start: Path, adapter: Path, out: Path) -> str:
    """A weights folder of ``start`` with an adapter merged in; returns the reasoner's version.

    Raises:
        CheckpointError: the weights cannot be read, or the folder holds no adapter of theirs.
    """
    reasoner = read_stage(start, "reasoner", torch.device("cpu"), torch.float32)
    assert isinstance(reasoner, ReasonerNetwork)
    reasoner.language = merged(reasoner.language, adapter)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(start.iterdir()):
        if path.is_file() and not path.name.startswith("reasoner"):
            shutil.copy(path, out / path.name)
    save_stage(reasoner, out, "reasoner")
    return model_version(out, "reasoner")


def _all_of(dataset: Dataset) -> list[Drawn]:
    """Everything that can be learnt from; pixels unread."""
    drawn: list[Drawn] = [i for i in dataset.images() if i.objects or i.image_label or i.scene]
    drawn += dataset.records()
    if not drawn:
        raise DataError(f"{dataset.path}: nothing to learn from: no labels, no questions")
    return drawn


def _new_tokens(network: TrainingNetwork, words: Words) -> list[int]:
    """Ids that only this family uses; none where all words were learnt together."""
    if not network.config.language.name:
        return []
    return words.markup_ids()
