"""Plain values out of a pickle file, read without ever executing it.

A pickle is a program for a stack machine whose instructions may call anything. This machine knows
only those that build ``None``, booleans, numbers, text, lists, tuples and dictionaries; every other
(GLOBAL, REDUCE, BUILD, ...) is refused before anything of it is done. ``pickletools.genops`` of the
standard library only takes the instructions apart. For the instructions see PEP 3154 and the
comments in ``pickletools``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, Final

# More than a hundred times what RRSIS-D's 17,402 references need.
MOST_INSTRUCTIONS = 100_000_000
_MARK: Final = object()
_IGNORED = frozenset({"PROTO", "FRAME"})
_PUSHED = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        # Text of Python 2.
        *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    }
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class UnsafePickle(ValueError):
    """The file asks for more than plain values, or is broken; the message names the instruction."""


def plain_values(data: bytes) -> Any:
    """The value a pickle builds, if it is made of plain values alone.

    Raises:
        UnsafePickle: an instruction that could do anything else, or a broken or endless program.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, position) in enumerate(pickletools.genops(data)):
            if count >= MOST_INSTRUCTIONS:
                raise UnsafePickle(f"more than {MOST_INSTRUCTIONS} instructions")
            if opcode.name == "STOP":
                return machine.result()
            try:
                machine.step(opcode.name, argument)
            except (IndexError, KeyError, TypeError, AttributeError) as error:
                told = f"byte {position}: {opcode.name} does not fit the stack ({error!r})"
                raise UnsafePickle(told) from error
    except UnsafePickle:
        raise
    except ValueError as error:
        raise UnsafePickle(f"no whole pickle: {error}") from error
    raise UnsafePickle("no end")


class _Machine:
    """The stack, its marks, and what was put by for later."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._deeds: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self._stack.append(_MARK),
            "EMPTY_LIST": lambda _: self._stack.append([]),
            "EMPTY_DICT": lambda _: self._stack.append({}),
            "EMPTY_TUPLE": lambda _: self._stack.append(()),
            "LIST": lambda _: self._stack.append(self._since_mark()),
            "DICT": lambda _: self._stack.append(_as_dict(self._since_mark())),
            "TUPLE": lambda _: self._stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda _: self._tuple(1),
            "TUPLE2": lambda _: self._tuple(2),
            "TUPLE3": lambda _: self._tuple(3),
            "APPEND": lambda _: self._append([self._stack.pop()]),
            "APPENDS": lambda _: self._append(self._since_mark()),
            "SETITEM": lambda _: self._set_items([self._stack.pop(-2), self._stack.pop()]),
            "SETITEMS": lambda _: self._set_items(self._since_mark()),
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._get),
            "POP": lambda _: self._drop(),
            "DUP": lambda _: self._stack.append(self._stack[-1]),
        }

    def step(self, name: str, argument: Any) -> None:
        if name in _IGNORED:
            return
        if name in _PUSHED:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in self._deeds:
            self._deeds[name](argument)
        else:
            raise UnsafePickle(f"{name} is not among the instructions for plain values")

    def result(self) -> Any:
        if len(self._stack) != 1 or self._stack[0] is _MARK:
            raise UnsafePickle("the program leaves no single value")
        return self._stack[0]

    def _since_mark(self) -> list[Any]:
        for depth in range(len(self._stack) - 1, -1, -1):
            if self._stack[depth] is _MARK:
                found = self._stack[depth + 1 :]
                del self._stack[depth:]
                return found
        raise IndexError("no mark")

    def _tuple(self, count: int) -> None:
        parts = [self._stack.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(parts)))

    def _append(self, items: list[Any]) -> None:
        self._typed(list).extend(items)

    def _set_items(self, flat: list[Any]) -> None:
        self._typed(dict).update(_as_dict(flat))

    def _typed(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise TypeError(f"{type(self._stack[-1]).__name__} is no {kind.__name__}")
        return self._stack[-1]

    def _put(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    def _get(self, place: int) -> None:
        self._stack.append(self._memo[place])

    def _drop(self) -> None:
        self._stack.pop()


def _as_dict(flat: list[Any]) -> dict[Any, Any]:
    if len(flat) % 2:
        raise TypeError("a key without a value")
    return dict(zip(flat[::2], flat[1::2], strict=True))
