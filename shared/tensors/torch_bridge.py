"""Tensors to and from torch, without copying where the memory allows it."""

from __future__ import annotations

import torch

from shared.errors import InvalidInput
from shared.tensors.host_tensor import HostTensor

_TORCH_BY_DTYPE = {
    "u8": torch.uint8,
    "i32": torch.int32,
    "i64": torch.int64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
}
_DTYPE_BY_TORCH = {torch_dtype: dtype for dtype, torch_dtype in _TORCH_BY_DTYPE.items()}


def from_torch(tensor: torch.Tensor) -> HostTensor:
    """Wraps a CPU tensor, any shape; copied only where it is not contiguous.

    Raises:
        InvalidInput: On a device, sparse, or of an element type that is none of ours.
    """
    dtype = _DTYPE_BY_TORCH.get(tensor.dtype)
    if dtype is None or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise InvalidInput(
            f"a {tensor.dtype} tensor on {tensor.device.type} cannot be handed over",
            field="tensor",
        )
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    return HostTensor(dtype, tuple(tensor.shape), memoryview(flat.numpy()))


def to_torch(tensor: HostTensor) -> torch.Tensor:
    """The same memory as a CPU tensor; bf16 and f16 stay what they are.

    Copied only where the memory is read-only, which torch does not know. Writing into the result
    never changes what is stored.
    """
    torch_dtype = _TORCH_BY_DTYPE[tensor.dtype]
    if not len(tensor.data):
        return torch.empty(tensor.shape, dtype=torch_dtype)
    data = bytearray(tensor.data) if tensor.data.readonly else tensor.data
    return torch.frombuffer(data, dtype=torch_dtype).reshape(tensor.shape)
