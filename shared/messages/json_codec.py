"""Frozen dataclasses to JSON and back: run records, messages and events are stored in it.

Fields may be str, int, float, bool, other such dataclasses, protobuf messages, tuples of these,
string-valued dicts, and `X | None`. Decoding is strict: unknown keys and wrong types are refused,
so a record of another version is never half understood.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from types import NoneType, UnionType
from typing import Any, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

T = TypeVar("T")


class CodecError(ValueError):
    """The JSON is not what the dataclass says; the message names the place."""


def to_json(value: object) -> str:
    """The dataclass as compact JSON."""
    return json.dumps(_plain(value), separators=(",", ":"))


def from_json(cls: type[T], text: str | bytes) -> T:
    """The dataclass back from its JSON.

    Raises:
        CodecError: The text is not JSON, or not of this class.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise CodecError(f"{cls.__name__}: {error}") from None
    return typing.cast(T, _typed(cls, data, cls.__name__))


def _plain(value: object) -> Any:
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _typed(hint: Any, data: Any, path: str) -> Any:
    if isinstance(hint, UnionType):
        if data is None and NoneType in typing.get_args(hint):
            return None
        (hint,) = (part for part in typing.get_args(hint) if part is not NoneType)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return _typed_tuple(typing.get_args(hint), data, path)
    if origin is dict:
        return {str(k): _typed(str, v, f"{path}.{k}") for k, v in _of(dict, data, path).items()}
    if dataclasses.is_dataclass(hint):
        return _typed_dataclass(typing.cast(type, hint), data, path)
    if isinstance(hint, type) and issubclass(hint, Message):
        try:
            return ParseDict(_of(dict, data, path), hint())
        except ParseError as error:
            raise CodecError(f"{path}: {error}") from None
    if hint is float:
        return float(_of(int | float, data, path))
    return _of(hint, data, path)


def _typed_tuple(items: tuple[Any, ...], data: Any, path: str) -> tuple[Any, ...]:
    values = _of(list, data, path)
    hints = [items[0]] * len(values) if items[-1] is Ellipsis else list(items)
    if len(hints) != len(values):
        raise CodecError(f"{path}: needs {len(hints)} items, has {len(values)}")
    return tuple(
        _typed(hint, value, f"{path}[{i}]")
        for i, (hint, value) in enumerate(zip(hints, values, strict=True))
    )


def _typed_dataclass(cls: type, data: Any, path: str) -> Any:
    hints = _hints(cls)
    values = _of(dict, data, path)
    if unknown := sorted(set(values) - set(hints)):
        raise CodecError(f"{path}: unknown {', '.join(unknown)}")
    try:
        return cls(**{name: _typed(hints[name], values[name], f"{path}.{name}") for name in values})
    except TypeError as error:
        raise CodecError(f"{path}: {error}") from None


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: hint for name, hint in typing.get_type_hints(cls).items() if name in names}


def _of(hint: Any, data: Any, path: str) -> Any:
    if not isinstance(data, hint) or (isinstance(data, bool) and hint is not bool):
        raise CodecError(f"{path}: is a {type(data).__name__}")
    return data
