"""Sizes of pages."""

from __future__ import annotations

from shared.errors import InvalidInput

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


def page_size(asked: int) -> int:
    """How many entries a page has at most; 0 asks for the usual number.

    Raises:
        InvalidInput: Less than none, or too many.
    """
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise InvalidInput(
            f"page_size is {asked}", field="page_size", limit=f"0 to {MAX_PAGE_SIZE}"
        )
    return asked or DEFAULT_PAGE_SIZE
