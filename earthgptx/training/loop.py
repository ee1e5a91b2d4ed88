"""The training loop of every phase: one loss, one process or many, resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset

from earthgptx.model.language_model import Words
from earthgptx.training.batches import Batch, pack_batch
from earthgptx.training.export import export_stages
from earthgptx.training.learner import Learner
from earthgptx.training.log import training_log
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.pictures import Album, Shown
from earthgptx.training.processes import Processes
from earthgptx.training.samples import TrainingSample
from earthgptx.training.settings import LoopSettings

BATCHES_AHEAD = 6


class TrainingStopped(RuntimeError):
    """Training cannot go on; the message says why and what to do."""


def train(
    network: TrainingNetwork,
    mixture: Mixture,
    words: Words,
    settings: LoopSettings,
    folder: Path,
    processes: Processes | None = None,
    export: Callable[[Processes], None] | None = None,
    shown: Sequence[Shown] = (),
) -> None:
    """Trains to ``settings.steps`` steps; goes on where ``folder`` left off.

    Args:
        network: what learns; parameters that need no gradient do not.
        mixture: what it learns from.
        words: its tokenizer.
        settings: how.
        folder: of the run.
        processes: None trains in this process alone, on the CPU.
        export: writes what is kept, in every process, once ``network`` holds the average; None
            writes all stages.
        shown: questions whose answers are drawn now and then, to ``pictures/`` of the folder.

    Raises:
        TrainingStopped: the gradient is not a number.
    """
    processes = processes or Processes(on_cpu=True)
    learner = Learner.of(network, settings, processes)
    first = learner.go_on_from(folder)
    batches = _batches(mixture, words, network.config.image_tokens, settings, first, processes)
    album = Album(folder / "pictures", words, shown if processes.has_whole_weights else ())
    with training_log(folder, settings, first, silent=not processes.is_first) as log:
        for step in range(first, settings.steps):
            asked = time.perf_counter()
            batch = processes.here(next(batches))
            started = time.perf_counter()
            losses, norm = learner.learn(batch, step)
            if not math.isfinite(norm):
                raise TrainingStopped(
                    f"the gradient of step {step} is not a number; {folder} holds the last good "
                    "state: start again from it with a smaller learning rate"
                )
            if log is not None:
                log.step(step, losses, norm, started - asked, time.perf_counter() - started)
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                learner.save(folder, step + 1)
            if processes.is_first and settings.draws_after(step):
                album.draw(learner.network, learner.average, step + 1)
    learner.average.copy_to(network)
    if export is None:
        export_stages(network, folder, processes)
    else:
        export(processes)


@dataclass(frozen=True)
class _Packer:
    """Packs in the data process, where it costs the training process nothing."""

    words: Words
    image_tokens: int
    evenly: bool

    def __call__(self, samples: list[TrainingSample]) -> Batch:
        return pack_batch(samples, self.words, self.image_tokens, self.evenly)


def _quiet_worker(_: int) -> None:
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _batches(
    mixture: Mixture,
    words: Words,
    image_tokens: int,
    settings: LoopSettings,
    first: int,
    processes: Processes,
) -> Iterator[Batch]:
    share = processes.share_of(settings.batch_size)
    todo = [
        step * settings.batch_size + place
        for step in range(first, settings.steps)
        for place in share
    ]
    workers = processes.workers
    return iter(
        DataLoader(
            Subset(mixture, todo),
            batch_size=len(share),
            collate_fn=_Packer(words, image_tokens, evenly=not processes.has_whole_weights),
            num_workers=workers,
            prefetch_factor=max(2, BATCHES_AHEAD // workers) if workers else None,
            worker_init_fn=_quiet_worker,
            pin_memory=processes.device.type == "cuda",
        )
    )
