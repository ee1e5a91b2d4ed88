"""Weights in slices (FSDP2): every process has its rows of each tensor.

Each block (``blocks``) is a unit of its own: its rows are gathered when it is used and let go
after it. What is in no block (embeddings, head, the parts between) is one more unit, whole from the
first use in a step to the last. Scalars have no rows: they are whole everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

T = TypeVar("T", bound=Tensor)


def shard(network: nn.Module, units: Sequence[nn.Module], mesh: DeviceMesh) -> None:
    """Lays what the first process's ``network`` holds in slices over all of ``mesh``, in place.

    The others' parameters may be on the meta device; what they hold is not looked at. No process
    holds more than its slices and one whole tensor, but for the first, where it held more before.

    Args:
        network: all of it.
        units: modules of it that every process calls equally often in a step, in the same order:
            a call gathers from all. Other modules may be called by some processes alone.
        mesh: the processes, in one dimension.
    """
    device = torch.device(mesh.device_type)
    is_first = mesh.get_rank() == 0
    given = network.state_dict() if is_first else {}
    # Tables that no state holds, as rotary frequencies: every process has computed its own.
    tables = {name: held.detach().clone() for name, held in network.named_buffers()}
    _let_go(network)
    scalars = {parameter for parameter in network.parameters() if parameter.ndim == 0}
    for unit in (*units, network):
        fully_shard(unit, mesh=mesh, ignored_params=scalars)
    assert isinstance(network, FSDPModule)
    # What one process did not use has zeros there for a gradient, or the others would wait.
    network.set_reduce_scatter_unused_params(True)
    network.to_empty(device=device)
    with torch.no_grad():
        for name, held in network.named_buffers():
            held.copy_(tables[name])
        for name, held in network.state_dict().items():
            room = torch.empty(held.shape, dtype=held.dtype, device=device)
            _receive(held, room.copy_(given.pop(name)) if is_first else room)


def _let_go(network: nn.Module) -> None:
    """Puts all parameters on the meta device; those that were one stay one."""
    without_memory: dict[nn.Parameter, nn.Parameter] = {}
    for module in network.modules():
        for name, held in list(module.named_parameters(recurse=False)):
            if held not in without_memory:
                shape = torch.empty(held.shape, dtype=held.dtype, device="meta")
                without_memory[held] = nn.Parameter(shape, requires_grad=held.requires_grad)
            setattr(module, name, without_memory[held])


def _receive(held: Tensor, sent: Tensor) -> None:
    """Fills ``held`` with what the first process has ``sent``; every process has to take part."""
    if isinstance(held, DTensor):
        scattered = distribute_tensor(sent, held.device_mesh, held.placements)
        own_slice(held).copy_(own_slice(scattered))
    else:
        dist.broadcast(sent, src=0)
        held.copy_(sent)


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may lie in slices; every process has to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def own_slice(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor that may lie in slices; it shares its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def own_rows(tensor: Tensor) -> slice | None:
    """Which rows of the whole ``own_slice`` is, counted from 0; None where it is all."""
    if not isinstance(tensor, DTensor):
        return None
    rows = -(-tensor.shape[0] // tensor.device_mesh.size())
    first = min(tensor.device_mesh.get_rank() * rows, tensor.shape[0])
    return slice(first, first + own_slice(tensor).shape[0])


def average_scalars(network: nn.Module) -> None:
    """Makes the gradients of scalars what all processes' are on average; slices' are already."""
    scalars = [p for p in network.parameters() if p.requires_grad and not isinstance(p, DTensor)]
    for scalar in scalars:
        gradient = torch.zeros_like(scalar) if scalar.grad is None else scalar.grad
        dist.all_reduce(gradient)
        scalar.grad = gradient / dist.get_world_size()


def clip_slices(network: nn.Module, most: float) -> Tensor:
    """Clips the norm of all gradients, those of slices and of scalars; returns what it was."""
    learnt = [p for p in network.parameters() if p.grad is not None]
    kinds = like_with_like(learnt)
    norms = [whole(get_total_norm([p.grad for p in kind if p.grad is not None])) for kind in kinds]
    norm = torch.stack(norms).norm()
    for kind in kinds:
        clip_grads_with_norm_(kind, most, norm)
    return norm


def like_with_like(tensors: Sequence[T]) -> list[list[T]]:
    """Tensors in slices, and whole ones: an operation on many takes one kind of them alone."""
    kinds = ([t for t in tensors if isinstance(t, DTensor) is sliced] for sliced in (True, False))
    return [kind for kind in kinds if kind]
