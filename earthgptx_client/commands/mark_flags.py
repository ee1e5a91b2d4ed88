"""The flags by which marks are given: each is one region, in the order of the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthgptx_client import regions
from earthgptx_client.errors import ClientError
from earthgptx_client.mask_files import read_mask_file
from earthgptx_client.regions import MAX_REGIONS, Region

COORDINATE_FLAGS = ("--point", "--box", "--polygon", "--scribble")
_NEGATIVE = re.compile(r"-[\d.]")
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class FlaggedRegion:
    """A region and the words of the command line that made it."""

    region: Region
    flag: str


def add_mark_flags(parser: argparse.ArgumentParser) -> None:
    """Adds --point, --box, --polygon, --scribble and --mask; they gather in `marked`."""
    group = parser.add_argument_group(
        "marks", "Pixels of the image, x right, y down. The first mark is <Region 1>, and so on."
    )
    for flag, metavar, words, read in (
        ("--point", "X,Y", "a click", _point),
        ("--box", "X0,Y0,X1,Y1", "a box", _box),
        ("--polygon", "X,Y;X,Y;...", "an outline of 3 or more corners", _polygon),
        ("--scribble", "X,Y;X,Y;...", "a stroke drawn by hand", _scribble),
        (
            "--mask",
            "FILE",
            "an image file of the image's size, not black where the thing is",
            _mask,
        ),
    ):
        group.add_argument(
            flag, action=_MarkAction, read=read, metavar=metavar, help=words, dest="marked"
        )
    parser.set_defaults(marked=())


def join_negative(arguments: Sequence[str]) -> list[str]:
    """`--box -1,0,9,9` as `--box=-1,0,9,9`: argparse takes a word with a minus for a flag."""
    joined: list[str] = []
    for word in arguments:
        if _NEGATIVE.match(word) and joined and joined[-1] in COORDINATE_FLAGS:
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


class _MarkAction(argparse.Action):
    """Adds a region to the marks before it; tuples, so that no parse sees another's marks."""

    def __init__(self, *, read: Callable[[str], Region], **more: Any) -> None:
        super().__init__(default=(), **more)
        self._read = read

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        text = str(values)
        before: tuple[FlaggedRegion, ...] = getattr(namespace, self.dest)
        try:
            region = self._read(text)
        except ClientError as error:
            limit = f" (needs {error.limit})" if error.limit else ""
            raise argparse.ArgumentError(self, f"{error.message}{limit}") from None
        if len(before) >= MAX_REGIONS:
            raise argparse.ArgumentError(self, f"more than {MAX_REGIONS} marks")
        shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
        added = FlaggedRegion(region, f"{option_string} {shown}")
        setattr(namespace, self.dest, (*before, added))


def _point(text: str) -> Region:
    x_px, y_px = _numbers(text, 2, "X,Y")
    return regions.point(x_px, y_px)


def _box(text: str) -> Region:
    x0_px, y0_px, x1_px, y1_px = _numbers(text, 4, "X0,Y0,X1,Y1")
    return regions.box(x0_px, y0_px, x1_px, y1_px)


def _polygon(text: str) -> Region:
    return regions.polygon(_vertices(text))


def _scribble(text: str) -> Region:
    return regions.scribble(_vertices(text))


def _mask(text: str) -> Region:
    return regions.mask(read_mask_file(Path(text)))


def _vertices(text: str) -> list[tuple[float, float]]:
    parts = [part for part in text.split(";") if part.strip()]
    pairs = (_numbers(part, 2, "X,Y;X,Y;...") for part in parts)
    return [(x_px, y_px) for x_px, y_px in pairs]


def _numbers(text: str, count: int, form: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
        raise ClientError("INVALID_INPUT", f"{shown!r} is not of the form {form}")
    return numbers
