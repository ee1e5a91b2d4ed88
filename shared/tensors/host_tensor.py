"""A tensor in host memory: element type, shape and bytes, owned by no framework."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import InvalidInput

ITEM_BYTES = {"u8": 1, "i32": 4, "i64": 8, "f16": 2, "bf16": 2, "f32": 4}
MAX_RANK = 8

# numpy has no bf16: its bit patterns travel as uint16.
_NUMPY_BY_DTYPE: dict[str, np.dtype[Any]] = {
    "u8": np.dtype("|u1"),
    "i32": np.dtype("<i4"),
    "i64": np.dtype("<i8"),
    "f16": np.dtype("<f2"),
    "bf16": np.dtype("<u2"),
    "f32": np.dtype("<f4"),
}
_DTYPE_BY_NUMPY = {numpy: dtype for dtype, numpy in _NUMPY_BY_DTYPE.items() if dtype != "bf16"}


@dataclass(frozen=True)
class HostTensor:
    """Little-endian, row-major, contiguous elements.

    Attributes:
        dtype: "u8", "i32", "i64", "f16", "bf16" or "f32".
        shape: Length of each axis, outermost first; empty for a scalar.
        data: The elements' bytes, flat. It keeps whatever holds the memory alive (a shared-memory
            slab stays in place for as long as this view, or an array made of it, lives).
    """

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def __post_init__(self) -> None:
        """Checks that dtype, shape and bytes agree.

        Raises:
            InvalidInput: They do not.
        """
        if self.data.ndim != 1 or self.data.format != "B" or not self.data.contiguous:
            raise InvalidInput("tensor data must be flat contiguous bytes", field="data")
        if self.data.nbytes != size_of(self.dtype, self.shape):
            raise InvalidInput(
                f"a {self.dtype} tensor of shape {list(self.shape)} has "
                f"{size_of(self.dtype, self.shape)} bytes, not {self.data.nbytes}",
                field="data",
            )

    @classmethod
    def from_numpy(cls, array: npt.NDArray[Any], dtype: str | None = None) -> HostTensor:
        """Wraps `array` without copying where it is contiguous and little-endian.

        Args:
            array: Any shape; uint8, int32, int64, float16 or float32 (uint16 for bf16).
            dtype: "bf16" if `array` holds the bit patterns of bf16 as uint16.

        Raises:
            InvalidInput: The element type is none of ours.
        """
        little = array.dtype.newbyteorder("<")
        found = dtype or _DTYPE_BY_NUMPY.get(little)
        if found is None or _NUMPY_BY_DTYPE.get(found) != little:
            raise InvalidInput(
                f"an array of {array.dtype} cannot be a tensor here",
                field="dtype",
                limit=", ".join(ITEM_BYTES),
            )
        flat = np.ascontiguousarray(array, dtype=little).reshape(-1).view(np.uint8)
        return cls(found, tuple(array.shape), flat.data)

    def to_numpy(self) -> npt.NDArray[Any]:
        """The same memory as an array of `shape`; bf16 as its uint16 bit patterns."""
        flat: npt.NDArray[Any] = np.frombuffer(self.data, dtype=_NUMPY_BY_DTYPE[self.dtype])
        return flat.reshape(self.shape)


def size_of(dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes of a tensor's elements.

    Raises:
        InvalidInput: Unknown dtype, more than 8 axes, or an axis that is negative or absurd.
    """
    if dtype not in ITEM_BYTES:
        raise InvalidInput("unknown dtype", field="dtype", limit=", ".join(ITEM_BYTES))
    if len(shape) > MAX_RANK:
        raise InvalidInput("too many axes", field="shape", limit=f"{MAX_RANK} axes")
    if any(not 0 <= length < 1 << 48 for length in shape):
        raise InvalidInput("an axis is out of range", field="shape", limit="0 to 2^48 - 1")
    return math.prod(shape) * ITEM_BYTES[dtype]
