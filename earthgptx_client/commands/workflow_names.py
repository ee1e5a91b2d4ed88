"""NAME[@VERSION] of the command line, and how it is told from a file."""

from __future__ import annotations

import re
from pathlib import Path

from earthgptx_client.errors import invalid_input
from earthgptx_client.workflows import Kept

_NAMED = re.compile(r"([a-z][a-z0-9_-]{0,62})(?:@([1-9][0-9]{0,8}))?")


def kept_named(words: str) -> Kept:
    """The workflow that the suite keeps under that name.

    Raises:
        ClientError: these words are no name.
    """
    named = _NAMED.fullmatch(words)
    if named is None:
        raise invalid_input(f"{words!r} is not NAME or NAME@VERSION", "workflow")
    return Kept(named[1], int(named[2] or 0))


def is_file(words: str) -> bool:
    """Whether a file is meant: one that is there, or words that are no name."""
    return Path(words).exists() or _NAMED.fullmatch(words) is None
