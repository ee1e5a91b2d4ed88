"""One tensor as safetensors: 8 bytes of header length, JSON header, elements.

Read by our own few lines, because the header comes from outside: nothing of it is believed before
dtype, shape, offsets and size are found to agree. https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import struct

from shared.errors import InvalidInput
from shared.tensors.host_tensor import HostTensor, size_of

HEADER_LIMIT_BYTES = 4096

_NAME = "tensor"
# The elements begin on a multiple of this, so that any dtype can be read where it lies.
_ALIGNMENT_BYTES = 64
_CODE_BY_DTYPE = {
    "u8": "U8",
    "i32": "I32",
    "i64": "I64",
    "f16": "F16",
    "bf16": "BF16",
    "f32": "F32",
}
_DTYPE_BY_CODE = {code: dtype for dtype, code in _CODE_BY_DTYPE.items()}


class FrameError(ValueError):
    """The bytes are not one tensor of ours as safetensors."""


def frame_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """What precedes the elements; equal for equal dtype and shape."""
    described = {
        _NAME: {
            "dtype": _CODE_BY_DTYPE[dtype],
            "shape": list(shape),
            "data_offsets": [0, size_of(dtype, shape)],
        }
    }
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT_BYTES)
    return struct.pack("<Q", len(text)) + text


def frame(tensor: HostTensor) -> bytes:
    """The whole of it."""
    return frame_header(tensor.dtype, tensor.shape) + bytes(tensor.data)


def parse_frame(framed: memoryview, limit_bytes: int) -> HostTensor:
    """The one tensor in `framed`, without copying.

    Args:
        framed: Flat bytes, header and elements and nothing after them.
        limit_bytes: Most bytes the elements may have.

    Raises:
        FrameError: It is not exactly one tensor, of an allowed dtype, whose shape, offsets and
            size agree and are within the limit.
    """
    if len(framed) < 8:
        raise FrameError("shorter than its header length")
    (header_bytes,) = struct.unpack_from("<Q", framed)
    if not 2 <= header_bytes <= HEADER_LIMIT_BYTES or len(framed) < 8 + header_bytes:
        raise FrameError("header length out of range")
    dtype, shape, offsets = _parse_header(bytes(framed[8 : 8 + header_bytes]))
    elements = framed[8 + header_bytes :]
    try:
        size_bytes = size_of(dtype, shape)
    except InvalidInput as error:
        raise FrameError(error.message) from None
    if size_bytes > limit_bytes:
        raise FrameError(f"more than {limit_bytes} bytes")
    if offsets != [0, size_bytes] or len(elements) != size_bytes:
        raise FrameError("offsets, shape and size disagree")
    return HostTensor(dtype, shape, elements)


def _parse_header(text: bytes) -> tuple[str, tuple[int, ...], list[int]]:
    try:
        header = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise FrameError("header is not JSON") from None
    if not isinstance(header, dict) or set(header) - {"__metadata__"} != {_NAME}:
        raise FrameError("not exactly one tensor")
    entry = header[_NAME]
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FrameError("a tensor entry has dtype, shape and data_offsets")
    dtype = _DTYPE_BY_CODE.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise FrameError("dtype is not allowed")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise FrameError("shape and offsets are whole numbers")
    return dtype, tuple(shape), offsets


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise FrameError("a name occurs twice")
    return dict(pairs)
