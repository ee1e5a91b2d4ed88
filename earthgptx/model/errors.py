"""What the model refuses."""

from __future__ import annotations


class ModelInputError(ValueError):
    """An input the model cannot take.

    Attributes:
        field: name of the offending input, as the caller knows it.
        limit: the limit that was passed, in words; None if there is none.
    """

    def __init__(self, message: str, field: str, limit: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.limit = limit


class CheckpointError(RuntimeError):
    """Weights that are missing, broken or made for another configuration."""
