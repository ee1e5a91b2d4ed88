"""Our safetensors reader believes nothing it has not checked."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from shared.tensors.frame import FrameError, frame, parse_frame
from shared.tensors.host_tensor import HostTensor
from tests.shared.tensors.places import floats

SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@given(SHAPES, st.sampled_from(["uint8", "int32", "int64", "float16", "float32"]))
def test_the_safetensors_package_reads_what_we_write(shape: tuple[int, ...], dtype: str) -> None:
    values = np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
    read = safetensors.numpy.load(frame(HostTensor.from_numpy(values)))
    assert list(read) == ["tensor"]
    assert read["tensor"].dtype == values.dtype
    np.testing.assert_array_equal(read["tensor"], values)


def test_bf16_is_bf16_to_the_safetensors_package() -> None:
    bits = np.array([0x3F80, 0xC000], dtype=np.uint16)
    ((_, entry),) = safetensors.deserialize(frame(HostTensor.from_numpy(bits, dtype="bf16")))
    assert (entry["dtype"], entry["shape"]) == ("BF16", [2])
    assert bytes(entry["data"]) == bits.tobytes()


@given(SHAPES)
def test_we_read_what_the_safetensors_package_writes(shape: tuple[int, ...]) -> None:
    values = np.full(shape, 2.5, dtype=np.float32)
    framed = safetensors.numpy.save({"tensor": values}, metadata={"made": "elsewhere"})
    np.testing.assert_array_equal(parse_frame(memoryview(framed), 1 << 20).to_numpy(), values)


def test_elements_begin_where_any_dtype_can_be_read() -> None:
    framed = frame(floats(400))
    assert (len(framed) - 400) % 64 == 0


def framed(header: Any, data: bytes = b"\0" * 8) -> memoryview:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return memoryview(struct.pack("<Q", len(text)) + text + data)


def entry(**changes: Any) -> dict[str, Any]:
    return {"tensor": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x05\0\0\0\0\0\0",
        struct.pack("<Q", 1 << 63) + b"{}",
        framed(b"{]"),
        framed(b"[" * 4000),
        framed([]),
        framed({}),
        framed({**entry(), "other": entry()["tensor"]}),
        framed(b'{"tensor":{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,8]}}'),
        framed({"tensor": []}),
        framed(entry(dtype="F64", shape=[1])),
        framed(entry(dtype=["F32"])),
        framed(entry(shape=[-2, -1])),
        framed(entry(shape=[True, 2])),
        framed(entry(shape=[2.0])),
        framed(entry(shape=[1 << 62, 4])),
        framed(entry(shape="2")),
        framed(entry(shape=[1] * 9)),
        framed(entry(shape=[3])),
        framed(entry(data_offsets=[4, 12])),
        framed(entry(data_offsets=[0])),
        framed(entry(), b"\0" * 7),
        framed(entry(), b"\0" * 9),
        framed(entry(extra=1)),
    ],
)
def test_a_frame_that_is_not_exactly_one_tensor_is_refused(damaged: bytes | memoryview) -> None:
    with pytest.raises(FrameError):
        parse_frame(memoryview(damaged), 1 << 20)


def test_a_frame_beyond_the_byte_budget_is_refused() -> None:
    with pytest.raises(FrameError, match="more than 399 bytes"):
        parse_frame(memoryview(frame(floats(400))), 399)


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_be_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        parse_frame(memoryview(struct.pack("<Q", len(data)) + data), 1 << 20)
