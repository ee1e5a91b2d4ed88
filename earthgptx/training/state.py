"""What a training that was cut off goes on from: weights, their average, moments, step.

Where weights lie in slices each process writes and reads its own rows alone (``state_files``). A
training may go on with another number of processes, and in slices or whole as it was not before.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from earthgptx.training.processes import Processes
from earthgptx.training.sharding import like_with_like, own_rows, own_slice
from earthgptx.training.state_files import SavedState, has_state, open_state, write_state

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
        current = dict(network.named_parameters())
        averages = like_with_like(list(self.tensors.values()))
        learnt = like_with_like([current[name].detach() for name in self.tensors])
        for own, new in zip(averages, learnt, strict=True):
            torch._foreach_lerp_(own, new, 1 - decay)

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
    """Writes everything a resume needs, atomically; every process has to take part."""
    tensors: dict[str, Tensor] = {}
    current = dict(network.named_parameters())
    for name in average.tensors:
        parameter = current[name]
        tensors[f"weight/{name}"] = parameter.detach()
        tensors[f"average/{name}"] = average.tensors[name]
        for moment in MOMENTS:
            held = optimiser.state.get(parameter, {}).get(moment)
            if held is not None:
                tensors[f"{moment}/{name}"] = held
                tensors[f"adam_step/{name}"] = optimiser.state[parameter]["step"]
    tensors |= {f"buffer/{name}": held for name, held in lasting_buffers(network).items()}
    own = {
        name: own_slice(tensor)
        for name, tensor in tensors.items()
        # What all have whole the first writes.
        if processes.is_first or isinstance(tensor, DTensor)
    }
    write_state(folder, own, step, processes)


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
    if not has_state(folder):
        return 0
    with torch.no_grad(), open_state(folder) as saved:
        learnt = {n.removeprefix("average/") for n in saved.names if n.startswith("average/")}
        if other := sorted(learnt ^ set(average.tensors)):
            raise ValueError(f"{folder}: not the state of what learns now; {other[0]} differs")
        _restore(saved, network, average, optimiser)
        return saved.step


def _restore(
    saved: SavedState,
    network: nn.Module,
    average: AveragedWeights,
    optimiser: torch.optim.Optimizer,
) -> None:
    fused = bool(optimiser.defaults["fused"])
    current = dict(network.named_parameters())
    for name in average.tensors:
        parameter = current[name]
        _read(saved, f"weight/{name}", parameter)
        _read(saved, f"average/{name}", average.tensors[name])
        if f"exp_avg/{name}" in saved.names:
            held = {moment: torch.zeros_like(parameter) for moment in MOMENTS}
            for moment, tensor in held.items():
                _read(saved, f"{moment}/{name}", tensor)
            # A fused optimiser counts its steps where its parameters are.
            step_of = saved.tensor(f"adam_step/{name}")
            held["step"] = step_of.to(parameter.device) if fused else step_of
            optimiser.state[parameter] = held
    for name, held in lasting_buffers(network).items():
        held.copy_(saved.tensor(f"buffer/{name}"))


def _read(saved: SavedState, name: str, into: Tensor) -> None:
    """Fills what this process holds of a tensor."""
    rows = own_rows(into)
    own_slice(into).copy_(saved.tensor(name) if rows is None else saved.rows(name, rows))
