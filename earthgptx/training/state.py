"""A training's state on disk: weights, averaged weights, optimiser moments, step. No pickle."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from earthgptx.model.checkpoint import STAGES, save_stage

MOMENTS = ("exp_avg", "exp_avg_sq")


class AveragedWeights:
    """An exponential moving average of a network's parameters; what is evaluated and shipped."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {n: p.detach().clone() for n, p in network.named_parameters()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the average; a young average follows faster."""
        decay = min(self.decay, (1 + step) / (10 + step))
        names = list(self.tensors)
        current = dict(network.named_parameters())
        torch._foreach_lerp_(
            [self.tensors[n] for n in names], [current[n].detach() for n in names], 1 - decay
        )

    @torch.no_grad()
    def copy_to(self, network: nn.Module) -> None:
        """Writes the average into ``network``."""
        for name, parameter in network.named_parameters():
            parameter.copy_(self.tensors[name])


def lasting_buffers(network: nn.Module) -> dict[str, Tensor]:
    """Buffers that belong to the weights: what batch norms have seen."""
    kept = network.state_dict().keys()
    return {name: held for name, held in network.named_buffers() if name in kept}


def save_state(
    folder: Path,
    network: nn.Module,
    average: AveragedWeights,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    """Writes everything a resume needs, atomically."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in network.named_parameters():
        tensors[f"weight/{name}"] = parameter.detach()
        tensors[f"average/{name}"] = average.tensors[name]
        for moment in MOMENTS:
            held = optimiser.state.get(parameter, {}).get(moment)
            if held is not None:
                tensors[f"{moment}/{name}"] = held
                tensors[f"adam_step/{name}"] = optimiser.state[parameter]["step"]
    tensors |= {f"buffer/{name}": held for name, held in lasting_buffers(network).items()}
    partial = folder / ".state.partial"
    # Copies: the file format refuses tensors that share or stride memory.
    save_file(
        {n: t.clone().contiguous() for n, t in tensors.items()},
        partial,
        {"step": json.dumps(step)},
    )
    partial.replace(folder / "state.safetensors")


def load_state(
    folder: Path,
    network: nn.Module,
    average: AveragedWeights,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Restores what ``save_state`` wrote; returns the step, 0 if there is nothing yet."""
    path = folder / "state.safetensors"
    if not path.exists():
        return 0

    with safe_open(path, "pt") as file:
        step = int(json.loads(file.metadata()["step"]))
    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(tensors[f"weight/{name}"])
            average.tensors[name].copy_(tensors[f"average/{name}"])
            if f"exp_avg/{name}" in tensors:
                held = {moment: tensors[f"{moment}/{name}"] for moment in MOMENTS}
                optimiser.state[parameter] = {"step": tensors[f"adam_step/{name}"], **held}
        for name, held in lasting_buffers(network).items():
            held.copy_(tensors[f"buffer/{name}"])
    return step


def export_stages(network: nn.Module, folder: Path) -> None:
    """Writes one weights file a stage, as the services read them."""
    for stage in STAGES:
        save_stage(getattr(network, stage), folder, stage)
