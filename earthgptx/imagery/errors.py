"""The error of this package: an image or a mark that cannot be used, and what would do."""

from __future__ import annotations


class ImageryError(ValueError):
    """Bad input, named so that the caller can put it right.

    Attributes:
        field: path of what was wrong, e.g. ``"image"`` or ``"regions[2].marks[0].box"``.
        limit: what would have been accepted, or None where there is nothing to state.
    """

    def __init__(self, field: str, message: str, limit: str | None = None) -> None:
        """The message says what was given; the limit what is accepted."""
        self.field = field
        self.limit = limit
        self.message = message
        super().__init__(f"{field}: {message}" + (f" (limit: {limit})" if limit else ""))

    def __reduce__(self) -> tuple[type[ImageryError], tuple[str, str, str | None]]:
        """Keeps the three parts across a process boundary."""
        return (type(self), (self.field, self.message, self.limit))


class DamagedImage(ImageryError):
    """A file that ends too soon or contradicts itself; of its beginning more may yet come."""
