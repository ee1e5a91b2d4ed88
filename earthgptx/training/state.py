"""A training's state on disk: weights, averaged weights, optimiser moments, step. No pickle.

The first process writes for all, and what lies in slices is written whole: a training may go on
with another number of processes.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from earthgptx.training.processes import Processes, whole

MOMENTS = ("exp_avg", "exp_avg_sq")


class AveragedWeights:
    """An exponential moving average of a network's parameters; what is evaluated and shipped.

    Only of those that can learn when it is made: the others stay what they are.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {
            n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad
        }

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
        current = dict(network.named_parameters())
        for name, tensor in self.tensors.items():
            current[name].copy_(tensor)


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
    processes: Processes,
) -> None:
    """Writes everything a resume needs, atomically."""
    tensors: dict[str, Tensor] = {}
    current = dict(network.named_parameters())
    for name in average.tensors:
        parameter = current[name]
        tensors[f"weight/{name}"] = whole(parameter.detach())
        tensors[f"average/{name}"] = whole(average.tensors[name])
        for moment in MOMENTS:
            held = optimiser.state.get(parameter, {}).get(moment)
            if held is not None:
                tensors[f"{moment}/{name}"] = whole(held)
                tensors[f"adam_step/{name}"] = whole(optimiser.state[parameter]["step"])
    tensors |= {f"buffer/{name}": whole(held) for name, held in lasting_buffers(network).items()}
    if processes.is_first:
        _write(folder, tensors, step)
    processes.wait()


def _write(folder: Path, tensors: dict[str, Tensor], step: int) -> None:
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
    """Restores what ``save_state`` wrote; returns the step, 0 if there is nothing yet.

    Raises:
        ValueError: what learns now is not what learnt then.
    """
    path = folder / "state.safetensors"
    if not path.exists():
        return 0

    with safe_open(path, "pt") as file:
        step = int(json.loads(file.metadata()["step"]))
    tensors = load_file(path)
    learnt = {name.removeprefix("average/") for name in tensors if name.startswith("average/")}
    if other := sorted(learnt ^ set(average.tensors)):
        raise ValueError(f"{path}: not the state of what learns now; {other[0]} differs")
    fused = bool(optimiser.defaults["fused"])
    with torch.no_grad():
        current = dict(network.named_parameters())
        for name in average.tensors:
            parameter = current[name]
            parameter.copy_(_laid_like(parameter, tensors[f"weight/{name}"]))
            average.tensors[name].copy_(_laid_like(parameter, tensors[f"average/{name}"]))
            if f"exp_avg/{name}" in tensors:
                held = {m: _laid_like(parameter, tensors[f"{m}/{name}"]) for m in MOMENTS}
                # A fused optimiser counts its steps where its parameters are.
                step_of = tensors[f"adam_step/{name}"]
                held["step"] = step_of.to(parameter.device) if fused else step_of
                optimiser.state[parameter] = held
        for name, held in lasting_buffers(network).items():
            held.copy_(tensors[f"buffer/{name}"])
    return step


def _laid_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """On the parameter's device; in slices if the parameter is."""
    tensor = tensor.to(parameter.device)
    if isinstance(parameter, DTensor):
        return distribute_tensor(tensor, parameter.device_mesh, parameter.placements)
    return tensor
