"""The training loop: one stage, one loss, one process or many, resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, Subset

from earthgptx.model.language_model import Words
from earthgptx.training.batches import Batch, pack_batch
from earthgptx.training.depthwise import keep_depthwise_in_float32
from earthgptx.training.export import export_stages
from earthgptx.training.log import TrainingLog
from earthgptx.training.losses import Losses, divisors, weighted
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.pictures import Shown, draw_predictions
from earthgptx.training.processes import Processes
from earthgptx.training.samples import TrainingSample
from earthgptx.training.state import AveragedWeights, load_state, save_state


@dataclass(frozen=True)
class LoopSettings:
    """How long, how fast, how often.

    Attributes:
        steps: optimiser steps in all.
        words_from: share of the steps after which questions are answered; until then all
            learn to see, from then on the conv expert is frozen.
        decay_from: share of the steps after which the learning rate falls to zero
            (warm-up, constant, warm-up with words, constant, then linear).
        batch_size: images a step, of all processes together.
        settling_steps: after words began, for which the frozen conv expert's batch norms go on
            looking.
        save_every: steps between two states that a cut off training goes on from.
        pictures_every: steps between two sheets of answers, once there are words.
        log_every: steps whose means make a line of the log.
        workers: data processes beside each training process.
        precision: of matrix products.
    """

    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    words_from: float = 0.15
    decay_from: float = 0.75
    clip_norm: float = 1.0
    average_decay: float = 0.997
    settling_steps: int = 40
    save_every: int = 250
    pictures_every: int = 500
    log_every: int = 10
    workers: int = 1
    precision: torch.dtype = torch.bfloat16

    @property
    def first_step_with_words(self) -> int:
        """The step with which the second phase begins."""
        return round(self.words_from * self.steps)

    def step_of_phase(self, step: int) -> int:
        """Steps since the phase of ``step`` began."""
        first = self.first_step_with_words
        return step - first if step >= first else step


GATE_SPEED = 10.0
# It has had its close looks: it only adapts to whole views.
CONV_EXPERT_SPEED = 0.3


class TrainingStopped(RuntimeError):
    """Training cannot go on; the message says why and what to do."""


def learning_rate_at(step: int, settings: LoopSettings) -> float:
    """Warm-up, constant, warm-up again where words begin, then linear to zero."""
    warm = min(1.0, (settings.step_of_phase(step) + 1) / settings.warmup_steps)
    start = settings.decay_from * settings.steps
    left = (settings.steps - step) / max(settings.steps - start, 1.0)
    return settings.learning_rate * warm * min(1.0, max(left, 0.0))


def train(
    network: TrainingNetwork,
    mixture: Mixture,
    words: Words,
    settings: LoopSettings,
    folder: Path,
    processes: Processes | None = None,
    export: Callable[[], None] | None = None,
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
        export: writes what is kept, once ``network`` holds the average; None writes all stages.
        shown: questions whose answers are drawn now and then, to ``pictures/`` of the folder.

    Raises:
        TrainingStopped: the gradient is not a number.
    """
    processes = processes or Processes(on_cpu=True)
    keep_depthwise_in_float32(network)
    network.image_encoder.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser: torch.optim.Optimizer = torch.optim.AdamW(
        _parameter_groups(network, settings.weight_decay), settings.learning_rate, (0.9, 0.98)
    )
    spread, optimiser = processes.spread(network, optimiser)
    average = AveragedWeights(network, settings.average_decay)
    first = load_state(folder, network, average, optimiser)
    batches = _batches(mixture, words, network.config.image_tokens, settings, first, processes)
    log = (
        TrainingLog(folder, settings.steps, first, settings.batch_size, settings.log_every)
        if processes.is_first
        else None
    )
    network.train()
    for step in range(first, settings.steps):
        waited = time.perf_counter()
        batch = processes.here(next(batches))
        started = time.perf_counter()
        with_words = _prepare_step(step, settings, network, average, optimiser)
        losses, norm = _one_step(spread, batch, optimiser, settings, with_words, processes)
        average.update(network, settings.step_of_phase(step))
        if not math.isfinite(norm):
            raise TrainingStopped(
                f"the gradient of step {step} is not a number; {folder} holds the last good state: "
                "start again from it with a smaller learning rate"
            )
        if log:
            log.step(step, losses, norm, started - waited, time.perf_counter() - started)
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            save_state(folder, network, average, optimiser, step + 1, processes)
        if log and shown and with_words and (step + 1) % settings.pictures_every == 0:
            picture = folder / "pictures" / f"{step + 1:06}.png"
            draw_predictions(network, average, words, shown, picture)
    if log:
        log.close()
    average.copy_to(network)
    if export is None:
        export_stages(network, folder, processes)
    elif processes.is_first:
        export()


def _prepare_step(
    step: int,
    settings: LoopSettings,
    network: TrainingNetwork,
    average: AveragedWeights,
    optimiser: torch.optim.Optimizer,
) -> bool:
    """Sets what a step's place in the training decides; whether it is one with words."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate_at(step, settings) * group["speed"]
    if step < settings.first_step_with_words:
        return False
    if settings.step_of_phase(step) == 0 and step > 0:
        # What is frozen is the average: calmer than where the last step happened to end.
        average.copy_to(network)
    network.freeze_conv_expert(settings.step_of_phase(step) < settings.settling_steps)
    return True


def _one_step(
    network: nn.Module,
    batch: Batch,
    optimiser: torch.optim.Optimizer,
    settings: LoopSettings,
    with_words: bool,
    processes: Processes,
) -> tuple[Losses, float]:
    # Without the packed rows' masks plain matrix products beat the CPU's fused attention by 10 %.
    kernels = [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH] if with_words else [SDPBackend.MATH]
    with sdpa_kernel(kernels):
        with torch.autocast(
            processes.device.type, settings.precision, settings.precision != torch.float32
        ):
            parts = network(batch, with_words)
            losses = weighted(parts, processes.sum(divisors(parts)))
        optimiser.zero_grad(set_to_none=True)
        processes.backward(losses.total)
    norm = processes.clip(network, settings.clip_norm)
    if math.isfinite(norm):
        optimiser.step()
    return Losses(losses.total, processes.sum(losses.means_N)), norm


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Matrices decay; norms, biases, gates and positions do not. Each group has its own speed.

    A gate that starts at zero learns ten times faster: else the marks stay shut out for long.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        matrix = parameter.ndim >= 2 and "position" not in name and "embed" not in name
        groups.setdefault((weight_decay if matrix else 0.0, _speed(name)), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "speed": speed}
        for (decay, speed), parameters in groups.items()
    ]


def _speed(name: str) -> float:
    if name.endswith("gate_D"):
        return GATE_SPEED
    return CONV_EXPERT_SPEED if name.startswith("image_encoder.conv.") else 1.0


@dataclass(frozen=True)
class _Packer:
    """Packs in the data process, where it costs the training process nothing."""

    words: Words
    image_tokens: int

    def __call__(self, samples: list[TrainingSample]) -> Batch:
        return pack_batch(samples, self.words, self.image_tokens)


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
    return iter(
        DataLoader(
            Subset(mixture, todo),
            batch_size=len(share),
            collate_fn=_Packer(words, image_tokens),
            num_workers=settings.workers,
            prefetch_factor=6 if settings.workers else None,
            worker_init_fn=_quiet_worker,
        )
    )
