"""One process or many: the same training on a CPU, a GPU, eight GPUs, many nodes.

Started by ``torchrun`` (or ``accelerate launch``), the processes share every batch; started plainly
there is one. What differs between them is here, on top of accelerate; weights are whole in every
process (DDP), or in slices (``sharding``) where asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from earthgptx.training.sharding import average_scalars, clip_slices, shard
from earthgptx.training.tensor_trees import each_tensor

Data = TypeVar("Data")


class Processes:
    """The processes of a training, seen from one of them.

    Args:
        on_cpu: stay on the CPU even where there is a GPU.
        sharded: weights, gradients and moments lie in slices, one slice a process; one process
            alone has them whole.
        checkpointing: activations of blocks are made again in backward, not kept (``blocks``).
        workers: data processes beside each of them, about 80 samples a second each; 0: it makes
            its samples itself.

    Raises:
        ValueError: ``workers`` is below 0.
    """

    def __init__(
        self,
        on_cpu: bool = False,
        sharded: bool = False,
        checkpointing: bool = False,
        workers: int = 1,
    ) -> None:
        if workers < 0:
            raise ValueError(f"workers {workers}: data processes, 0 or more")
        # Which parts have a gradient differs between phases and batches.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self._accelerator = Accelerator(cpu=on_cpu, kwargs_handlers=[unused])
        self.count = self._accelerator.num_processes
        self.number = self._accelerator.process_index
        self.device = self._accelerator.device
        self.has_whole_weights = not sharded or self.count == 1
        self.recomputes = checkpointing
        self.workers = workers
        if self.device.type == "cuda":
            # Where precision is float32: tensor cores, with ten bits of mantissa in products.
            torch.set_float32_matmul_precision("high")

    @property
    def is_first(self) -> bool:
        """This process writes files and logs for all."""
        return self.number == 0

    @property
    def gets_slices(self) -> bool:
        """What its network holds before ``spread`` is not looked at: it gets the first one's."""
        return not self.is_first and not self.has_whole_weights

    def share_of(self, batch_size: int) -> range:
        """Which places of every batch are this process's.

        Raises:
            ValueError: the batch cannot be shared evenly.
        """
        if batch_size % self.count:
            raise ValueError(f"a batch of {batch_size} cannot be shared by {self.count} processes")
        return range(self.number, batch_size, self.count)

    def spread(self, network: nn.Module, units: Sequence[nn.Module]) -> nn.Module:
        """The network as all processes train it together; its optimiser is made after this.

        Args:
            network: all of it.
            units: what is gathered at once where weights lie in slices; see ``shard``.
        """
        if not self.has_whole_weights:
            shard(network, units, init_device_mesh(self.device.type, (self.count,)))
            return network
        prepared: nn.Module = self._accelerator.prepare(network)
        return prepared

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.count == 1:
            return numbers
        summed: Tensor = self._accelerator.reduce(numbers.clone(), "sum")
        return summed

    def backward(self, loss: Tensor, network: nn.Module) -> None:
        """Gradients of the sum of all processes' losses (they are averaged on the way)."""
        self._accelerator.backward(loss * self.count)
        if not self.has_whole_weights:
            average_scalars(network)

    def clip(self, network: nn.Module, most: float) -> float:
        """Clips the gradient's norm; returns what it was."""
        if not self.has_whole_weights:
            return float(clip_slices(network, most))
        return float(self._accelerator.clip_grad_norm_(network.parameters(), most))  # type: ignore[arg-type]

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()

    def here(self, data: Data) -> Data:
        """Tensors in dataclasses and lists, on this process's device."""
        if self.device.type == "cpu":
            return data
        return each_tensor(data, lambda tensor: tensor.to(self.device, non_blocking=True))
