"""The image of a command line on its way to the suite, with a bar where somebody looks."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TextIO

from earthgptx_client.calls import Deadline
from earthgptx_client.client import Client
from earthgptx_client.events import ImageInfo

_WIDTH = 30
# What is over sooner needs no bar; a large image may be sent in no time and then takes its time.
_PATIENCE_S = 0.5
_LARGE_BYTES = 16_000_000


def upload(client: Client, arguments: argparse.Namespace) -> ImageInfo:
    """Stores the image that the arguments name, before their deadline.

    Raises:
        ClientError: the suite does not take it.
    """
    return upload_image(client, arguments.image, arguments.deadline)


def upload_image(client: Client, image: str, deadline: Deadline) -> ImageInfo:
    """Stores an image, before the deadline.

    Raises:
        ClientError: the suite does not take it.
    """
    bar = UploadBar(Path(image).name, sys.stderr)
    try:
        return client.upload(
            image,
            timeout_s=deadline.remaining_s(),
            on_sent=bar.show if sys.stderr.isatty() else None,
        )
    finally:
        bar.clear()


class UploadBar:
    """One line that grows in place and leaves nothing behind."""

    def __init__(self, name: str, out: TextIO, patience_s: float = _PATIENCE_S) -> None:
        self._name = name
        self._out = out
        self._show_from_s = time.monotonic() + patience_s
        self._drawn = False

    def show(self, sent_bytes: int, total_bytes: int) -> None:
        """Draws how far it is; once all is sent the suite still checks the image."""
        checks_large = sent_bytes >= total_bytes >= _LARGE_BYTES
        if time.monotonic() < self._show_from_s and not checks_large:
            return
        share = sent_bytes / max(1, total_bytes)
        full = round(share * _WIDTH)
        bar = "#" * full + "." * (_WIDTH - full)
        what = "uploading" if sent_bytes < total_bytes else "checking"
        size = f"{total_bytes / 1e6:.1f} MB"
        self._out.write(f"\r\x1b[2K{what} {self._name} [{bar}] {share:.0%} of {size}")
        self._out.flush()
        self._drawn = True

    def clear(self) -> None:
        """Takes the line away."""
        if self._drawn:
            self._out.write("\r\x1b[2K")
            self._out.flush()
