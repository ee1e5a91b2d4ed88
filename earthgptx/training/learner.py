"""One step of learning, and what it needs: network, optimiser, average, and the other processes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from earthgptx.model.adapters import ADDED
from earthgptx.training.batches import Batch
from earthgptx.training.blocks import blocks_of, recompute_in_backward
from earthgptx.training.depthwise import keep_depthwise_in_float32
from earthgptx.training.losses import Losses, divisors, weighted
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.settings import LoopSettings, learning_rate_at
from earthgptx.training.sharding import like_with_like
from earthgptx.training.state import AveragedWeights, load_state, save_state

# What starts at zero: gates, places, colours.
SILENT = ("gate_D", ".placed.", ".tinted.")
SILENT_SPEED = 10.0
# It has had its close looks: it only adapts to whole views.
CONV_EXPERT_SPEED = 0.3
# It starts at nothing, beside weights that know a lot.
ADAPTER_SPEED = 15.0


@dataclass(frozen=True)
class Learner:
    """A network that learns.

    Attributes:
        network: in its own class; ``spread`` is the same as all processes train it together.
        average: of its weights; what is kept in the end.
    """

    network: TrainingNetwork
    spread: nn.Module
    optimiser: torch.optim.Optimizer
    average: AveragedWeights
    settings: LoopSettings
    processes: Processes

    @classmethod
    def of(cls, network: TrainingNetwork, settings: LoopSettings, processes: Processes) -> Learner:
        """Gets a network ready; parameters that need no gradient will not learn."""
        keep_depthwise_in_float32(network)
        deep = blocks_of(network.image_encoder, network.reasoner.language)
        if processes.recomputes:
            recompute_in_backward(deep)
        if processes.device.type == "cpu":
            network.image_encoder.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        spread = processes.spread(network, deep)
        groups = parameter_groups(network, settings.weight_decay)
        optimiser = torch.optim.AdamW(
            groups, settings.learning_rate, (0.9, 0.98), fused=processes.device.type == "cuda"
        )
        average = AveragedWeights(network, settings.average_decay)
        network.train()
        return cls(network, spread, optimiser, average, settings, processes)

    def go_on_from(self, folder: Path) -> int:
        """Restores the last state of a run; returns its step, 0 if there is none."""
        return load_state(folder, self.network, self.average, self.optimiser)

    def save(self, folder: Path, step: int) -> None:
        """Writes the state after ``step`` steps."""
        save_state(folder, self.network, self.average, self.optimiser, step, self.processes)

    def prepare(self, step: int) -> bool:
        """Sets what a step's place in the training decides; returns whether it has words."""
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(step, settings) * group["speed"]
        if step < settings.first_step_with_words:
            return False
        if settings.step_of_phase(step) == 0 and step > 0:
            # What is frozen is the average: calmer than where the last step happened to end.
            self.average.copy_to(self.network)
        settling = settings.step_of_phase(step) < settings.settling_steps
        self.network.calm_conv_expert(settings.conv_rests, settling)
        return True

    def learn(self, batch: Batch, step: int) -> tuple[Losses, float]:
        """One step; losses of the whole batch, and the gradient's norm before it was clipped.

        Where the norm is not a number nothing was learnt.
        """
        with_words = self.prepare(step)
        place, precision = self.processes.device.type, self.settings.precision
        with sdpa_kernel(attention_kernels(place, with_words)):
            with torch.autocast(
                place,
                precision,
                enabled=precision != torch.float32,
                # Kept casts of all weights would be what slices are there to avoid.
                cache_enabled=self.processes.has_whole_weights,
            ):
                parts = self.spread(batch, with_words)
                losses = weighted(parts, self.processes.sum(divisors(parts)))
            self.optimiser.zero_grad(set_to_none=True)
            self.processes.backward(losses.total, self.spread)
        norm = self.processes.clip(self.spread, self.settings.clip_norm)
        if math.isfinite(norm):
            self.optimiser.step()
            self.average.update(self.network, self.settings.step_of_phase(step))
        return Losses(losses.total, self.processes.sum(losses.means_N)), norm


def attention_kernels(place: str, with_words: bool) -> list[SDPBackend]:
    """Which kernels attention may take on ``cpu`` or ``cuda``.

    Without packed rows' masks plain matrix products beat the CPU's fused attention by 10 %. A GPU's
    flash attention takes no masks; its memory-efficient one does.
    """
    if place == "cpu" and not with_words:
        return [SDPBackend.MATH]
    return [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Matrices decay; norms, biases, gates and positions do not. Each group has its own speed.

    What starts at zero learns ten times faster: else it stays shut out for long.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        matrix = parameter.ndim >= 2 and "position" not in name and "embed" not in name
        groups.setdefault((weight_decay if matrix else 0.0, _speed(name)), []).append(parameter)
    return [
        {"params": kind, "weight_decay": decay, "speed": speed}
        for (decay, speed), parameters in groups.items()
        for kind in like_with_like(parameters)
    ]


def _speed(name: str) -> float:
    if any(silent in name for silent in SILENT):
        return SILENT_SPEED
    if any(added in name for added in ADDED):
        return ADAPTER_SPEED
    return CONV_EXPERT_SPEED if name.startswith("image_encoder.conv.") else 1.0
