"""One process or many: the same training on a CPU, a GPU, eight GPUs, many nodes.

Started by ``torchrun`` (or ``accelerate launch``), the processes share every batch; started plainly
there is one. What differs between them is here, on top of accelerate; weights are whole in every
process (DDP), or sharded (FSDP2) where asked for.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, FullyShardedDataParallelPlugin
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from earthgptx.training.tensor_trees import each_tensor

Data = TypeVar("Data")


class Processes:
    """The processes of a training, seen from one of them.

    Args:
        on_cpu: stay on the CPU even where there is a GPU.
        sharded: weights, gradients and moments lie in slices, one slice a process.
    """

    def __init__(self, on_cpu: bool = False, sharded: bool = False) -> None:
        # Which parts have a gradient differs between phases and batches.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        plugin = FullyShardedDataParallelPlugin(fsdp_version=2) if sharded else None
        self._accelerator = Accelerator(cpu=on_cpu, fsdp_plugin=plugin, kwargs_handlers=[unused])
        self.count = self._accelerator.num_processes
        self.number = self._accelerator.process_index
        self.device = self._accelerator.device
        self.has_whole_weights = not sharded
        if self.device.type == "cuda":
            # Where precision is float32: tensor cores, with ten bits of mantissa in products.
            torch.set_float32_matmul_precision("high")

    @property
    def is_first(self) -> bool:
        """This process writes files and logs for all."""
        return self.number == 0

    def share_of(self, batch_size: int) -> range:
        """Which places of every batch are this process's.

        Raises:
            ValueError: the batch cannot be shared evenly.
        """
        if batch_size % self.count:
            raise ValueError(f"a batch of {batch_size} cannot be shared by {self.count} processes")
        return range(self.number, batch_size, self.count)

    def spread(
        self, network: nn.Module, optimiser: torch.optim.Optimizer
    ) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Network and optimiser as all processes train them together."""
        prepared: tuple[nn.Module, torch.optim.Optimizer] = self._accelerator.prepare(
            network, optimiser
        )
        return prepared

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.count == 1:
            return numbers
        summed: Tensor = self._accelerator.reduce(numbers.clone(), "sum")
        return summed

    def backward(self, loss: Tensor) -> None:
        """Gradients of the sum of all processes' losses (they are averaged on the way)."""
        self._accelerator.backward(loss * self.count)

    def clip(self, network: nn.Module, most: float) -> float:
        """Clips the gradient's norm; returns what it was."""
        norm = self._accelerator.clip_grad_norm_(network.parameters(), most)
        return float(whole(norm))  # type: ignore[arg-type]

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()

    def here(self, data: Data) -> Data:
        """Tensors in dataclasses and lists, on this process's device."""
        if self.device.type == "cpu":
            return data
        return each_tensor(data, lambda tensor: tensor.to(self.device, non_blocking=True))


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may lie in slices; every process has to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
