"""Networks without memory for their parameters, to be filled from a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook


@contextmanager
def parameters_without_memory() -> Iterator[None]:
    """Modules built inside have their parameters on the meta device, one by one.

    Buffers are real: tables that no weights file holds (rotary frequencies, normalisation) are as
    the constructor computes them, which a build under ``torch.device("meta")`` would lose.
    """

    def to_meta(_: nn.Module, __: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
        if parameter is None or parameter.is_meta:
            return None
        return nn.Parameter(parameter.to("meta"), requires_grad=parameter.requires_grad)

    handle = register_module_parameter_registration_hook(to_meta)
    try:
        yield
    finally:
        handle.remove()
