"""The training loop: one stage, one loss, resumable at any step."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, Subset

from earthgptx.model.language_model import Words
from earthgptx.training.batches import Batch, pack_batch
from earthgptx.training.depthwise import keep_depthwise_in_float32
from earthgptx.training.losses import Losses, divisors, weighted
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.samples import TrainingSample
from earthgptx.training.state import AveragedWeights, export_stages, load_state, save_state


@dataclass(frozen=True)
class LoopSettings:
    """How long, how fast, how often.

    Attributes:
        steps: optimiser steps in all.
        words_from: share of the steps after which questions are answered; until then all
            learn to see, from then on the conv expert is frozen.
        decay_from: share of the steps after which the learning rate falls to zero
            (warm-up, constant, warm-up with words, constant, then linear).
        workers: data processes beside the training process.
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
    save_every: int = 250
    workers: int = 1

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
SETTLING_STEPS = 40


class TrainingStopped(RuntimeError):
    """Training cannot go on; the message says why and what to do."""


def learning_rate_at(step: int, settings: LoopSettings) -> float:
    """Warm-up, constant, warm-up again where words begin, then linear to zero."""
    warm = min(1.0, (settings.step_of_phase(step) + 1) / settings.warmup_steps)
    start = settings.decay_from * settings.steps
    left = (settings.steps - step) / max(settings.steps - start, 1.0)
    return settings.learning_rate * warm * min(1.0, max(left, 0.0))


def train(
    network: TrainingNetwork, mixture: Mixture, words: Words, settings: LoopSettings, folder: Path
) -> None:
    """Trains to ``settings.steps`` steps; goes on where ``folder`` left off.

    Raises:
        TrainingStopped: the loss is not a number.
    """
    keep_depthwise_in_float32(network)
    network.image_encoder.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        _parameter_groups(network, settings.weight_decay), settings.learning_rate, (0.9, 0.98)
    )
    average = AveragedWeights(network, settings.average_decay)
    first = load_state(folder, network, average, optimiser)
    batches = _batches(mixture, words, network.config.image_tokens, settings, first)
    log = _Log(folder / "log.jsonl", settings)
    network.train()
    for step in range(first, settings.steps):
        waited = time.perf_counter()
        batch = next(batches)
        started = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate_at(step, settings) * group["speed"]
        with_words = step >= settings.first_step_with_words
        if with_words and settings.step_of_phase(step) == 0:
            # What is frozen is the average: calmer than where the last step happened to end.
            average.copy_to(network)
        if with_words:
            network.freeze_conv_expert(settings.step_of_phase(step) < SETTLING_STEPS)
        losses, norm = _one_step(network, batch, optimiser, settings.clip_norm, with_words)
        average.update(network, settings.step_of_phase(step))
        if not math.isfinite(norm):
            raise TrainingStopped(
                f"the gradient of step {step} is not a number; {folder} holds the last good state: "
                "start again from it with a smaller learning rate"
            )
        log.step(step, losses, norm, started - waited, time.perf_counter() - started)
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            save_state(folder, network, average, optimiser, step + 1)
    average.copy_to(network)
    export_stages(network, folder)


def _one_step(
    network: nn.Module,
    batch: Batch,
    optimiser: torch.optim.Optimizer,
    clip_norm: float,
    with_words: bool,
) -> tuple[Losses, float]:
    # Without the packed rows' masks plain matrix products beat the CPU's fused attention by 10 %.
    kernels = [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH] if with_words else [SDPBackend.MATH]
    with sdpa_kernel(kernels):
        with torch.autocast("cpu", torch.bfloat16):
            parts = network(batch, with_words)
            losses = weighted(parts, divisors(parts))
        optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), clip_norm))
    if math.isfinite(norm):
        optimiser.step()
    return losses, norm


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
    mixture: Mixture, words: Words, image_tokens: int, settings: LoopSettings, first: int
) -> Iterator[Batch]:
    todo = range(first * settings.batch_size, settings.steps * settings.batch_size)
    return iter(
        DataLoader(
            Subset(mixture, todo),
            batch_size=settings.batch_size,
            collate_fn=_Packer(words, image_tokens),
            num_workers=settings.workers,
            prefetch_factor=6 if settings.workers else None,
            worker_init_fn=_quiet_worker,
        )
    )


class _Log:
    """One JSON line every ten steps, and a progress line on a terminal."""

    def __init__(self, path: Path, settings: LoopSettings) -> None:
        self._path = path
        self._settings = settings
        self._sums: dict[str, float] = {}
        self._count = 0

    def step(
        self, step: int, losses: Losses, norm: float, waited_s: float, worked_s: float
    ) -> None:
        parts = {**losses.floats(), "norm": norm, "waited_s": waited_s, "worked_s": worked_s}
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if (step + 1) % 10:
            return
        means = {name: round(value / self._count, 4) for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        step_s = means["waited_s"] + means["worked_s"]
        line = {
            "step": step + 1,
            **means,
            "images_per_s": round(self._settings.batch_size / step_s, 2),
            "left_s": round((self._settings.steps - step - 1) * step_s),
        }
        with self._path.open("a") as log:
            log.write(json.dumps(line) + "\n")
        if sys.stderr.isatty():
            text = f"\rstep {step + 1}/{self._settings.steps}  loss {means['total']:.3f}  "
            sys.stderr.write(text + f"{line['images_per_s']} images/s  {line['left_s']} s left   ")
