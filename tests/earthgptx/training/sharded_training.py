"""Two small trainings with all that saves memory, one of them cut off and gone on with.

python -m tests.earthgptx.training.sharded_training FOLDER     alone, or by torchrun

The first process asks the language model less than the second: in the first step its share of the
batch has no marks, in the second nothing is asked without one.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import torch
from torch.distributed.fsdp import FSDPModule

from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.presets import nano
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings, TrainingSample
from earthgptx.training.settings import LoopSettings
from tests.earthgptx.training.small_network import small

BATCH_SIZE = 2
STEPS = 2
VOCABULARY = 900


class CutOff(Exception):
    """Stands for a power cut."""


class Uneven(Mixture):
    """Every fourth sample has no marks, the one after the next has nothing but marks.

    Args:
        inner: what is drawn from.
        limit: asking for this sample fails.
    """

    def __init__(self, inner: Mixture, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    def __len__(self) -> int:
        return len(self._inner)

    def __getitem__(self, index: int) -> TrainingSample:
        if index >= self._limit:
            raise CutOff
        sample = self._inner[index]
        if index % 4 == 0:
            return dataclasses.replace(
                sample, marked=(), raster=None, region_masks=(), region_labels=()
            )
        return dataclasses.replace(sample, plain=()) if index % 4 == 2 else sample


def run(folder: Path, words: Words, processes: Processes, stop_after: int) -> TrainingNetwork:
    """Trains, to be cut off after ``stop_after`` steps."""
    # Only what the first process holds is to count.
    torch.manual_seed(processes.number)
    settings = LoopSettings(
        steps=STEPS,
        batch_size=BATCH_SIZE,
        warmup_steps=1,
        words_from=0.0,
        settling_steps=0,
        save_every=1,
        precision=torch.float32,
        log_every=1,
    )
    parts = [MixturePart("sar", synthetic_source("sar", (256,)), 1.0)]
    samples = SampleSettings(nano().view_side_px, nano().grid_side)
    mixture = Uneven(Mixture(parts, samples, 0, STEPS * BATCH_SIZE), stop_after * BATCH_SIZE)
    network = TrainingNetwork(small(VOCABULARY))
    train(network, mixture, words, settings, folder, processes)
    return network


def main(folder: Path) -> None:
    """Writes ``whole/`` and ``cut/``, runs of the same training, and ``units.json``."""
    torch.set_num_threads(1)
    words = Words(train_bpe_tokenizer(template_corpus(scenes=40), VOCABULARY))
    processes = Processes(on_cpu=True, sharded=True, checkpointing=True, workers=0)
    for name in ("whole", "cut"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    network = run(folder / "whole", words, processes, STEPS)
    try:
        run(folder / "cut", words, processes, STEPS - 1)
    except CutOff:
        run(folder / "cut", words, processes, STEPS)
    if processes.is_first:
        units = [n for n, module in network.named_modules() if isinstance(module, FSDPModule)]
        (folder / "units.json").write_text(json.dumps(units))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
