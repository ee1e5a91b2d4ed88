"""Every tensor of a dataclass of dataclasses, lists and tensors, changed in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor

Data = TypeVar("Data")


def each_tensor(data: Data, change: Callable[[Tensor], Tensor]) -> Data:
    """``data`` with ``change`` done to all its tensors; what is no tensor stays."""
    changed: Data = _changed(data, change)
    return changed


def _changed(data: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(data, Tensor):
        return change(data)
    if isinstance(data, list):
        return [_changed(each, change) for each in data]
    if not dataclasses.is_dataclass(data) or isinstance(data, type):
        return data
    fields = {f.name: _changed(getattr(data, f.name), change) for f in dataclasses.fields(data)}
    return dataclasses.replace(data, **fields)
