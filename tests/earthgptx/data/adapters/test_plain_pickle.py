import io
import os
import pickle
import pickletools
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.data.adapters.plain_pickle import UnsafePickle, plain_values

keys = st.text(max_size=8) | st.integers()
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(keys, inner, max_size=6)
        | st.tuples(inner, inner)
        | st.tuples(inner, inner, inner, inner)
    ),
    max_leaves=30,
)


@settings(deadline=None, max_examples=60)
@given(plain, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back_from_every_protocol(value: Any, protocol: int) -> None:
    assert plain_values(pickle.dumps(value, protocol=protocol)) == value


def test_what_occurs_twice_comes_back_twice() -> None:
    shared = ["a"]
    assert plain_values(pickle.dumps({"x": shared, "y": shared})) == {"x": ["a"], "y": ["a"]}


class Runs:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_called(tmp_path: Any, protocol: int) -> None:
    target = tmp_path / "made"
    data = pickle.dumps([{"ref_id": 1}, Runs(str(target))], protocol=protocol)
    with pytest.raises(UnsafePickle, match=r"GLOBAL is not among"):
        plain_values(data)
    assert not target.exists()


@pytest.mark.parametrize(
    "value", [OrderedDict(a=1), {1, 2}, b"bytes", 1j, range(3), len, pytest.raises]
)
def test_what_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(UnsafePickle, match="not among"):
        plain_values(pickle.dumps(value))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_give_plain_values_or_are_refused(data: bytes) -> None:
    try:
        plain_values(data)
    except UnsafePickle:
        return


@settings(deadline=None, max_examples=60)
@given(plain, st.data())
def test_a_pickle_cut_short_is_refused(value: Any, data: Any) -> None:
    whole = pickle.dumps(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UnsafePickle):
        plain_values(whole[:cut])


@settings(deadline=None, max_examples=60)
@given(plain, st.data())
def test_no_flipped_byte_gets_past_the_machine(value: Any, data: Any) -> None:
    changed = bytearray(pickle.dumps(value, protocol=2))
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        plain_values(bytes(changed))
    except UnsafePickle:
        return


def test_instructions_that_make_objects_are_not_known() -> None:
    known = {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX"}
    known |= {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
    assert known <= {opcode.name for opcode in pickletools.opcodes}
    for name in sorted(known):
        (code,) = (opcode.code for opcode in pickletools.opcodes if opcode.name == name)
        program = io.BytesIO(code.encode("latin-1") + b"a\nb\n\0\0\0\0.")
        with pytest.raises(UnsafePickle):
            plain_values(program.getvalue())
