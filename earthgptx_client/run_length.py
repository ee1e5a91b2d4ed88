"""Compressed COCO run-length code of binary masks, without pycocotools.

Runs are counted down the columns, beginning with the zeros; each length (from the fourth on, as the
difference to the one before the last) is written in groups of 5 bits, low bits first, as characters
from "0" on; bit 6 says that more groups follow.
Source: rleToString and rleFrString in
https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from earthgptx_client.errors import invalid_input

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    MaskHW = npt.NDArray[np.bool_]

_FIRST_CHARACTER = 48
_MORE = 0x20
_SIGN = 0x10


def encode(mask_HW: MaskHW) -> str:
    """The counts of a mask [H, W]; what is not 0 is inside."""
    import numpy as np

    flat = np.asarray(mask_HW != 0).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs = np.diff(edges).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    return "".join(_characters(runs))


def decode(height_px: int, width_px: int, counts: str) -> MaskHW:
    """The mask [H, W] of a run-length code.

    Raises:
        ClientError: the code does not describe a mask of this size.
    """
    import numpy as np

    runs = np.array(list(_runs(counts)), dtype=np.int64)
    if (runs < 0).any() or int(runs.sum()) != height_px * width_px:
        raise invalid_input(
            f"the run-length code is not one of a {width_px} x {height_px} px mask", "mask.counts"
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((width_px, height_px)).T


def _characters(runs: Iterable[int]) -> Iterator[str]:
    before: list[int] = []
    for run in runs:
        left = run - before[-2] if len(before) > 2 else run
        before.append(run)
        more = True
        while more:
            group = left & 0x1F
            left >>= 5
            more = left != (-1 if group & _SIGN else 0)
            yield chr((group | (_MORE if more else 0)) + _FIRST_CHARACTER)


def _runs(counts: str) -> Iterator[int]:
    before: list[int] = []
    value, shift = 0, 0
    for character in counts:
        group = ord(character) - _FIRST_CHARACTER
        if not 0 <= group < 64:
            raise invalid_input("the run-length code has a character it cannot have", "mask.counts")
        value |= (group & 0x1F) << shift
        shift += 5
        if group & _MORE:
            continue
        if group & _SIGN:
            value -= 1 << shift
        run = value + before[-2] if len(before) > 2 else value
        before.append(run)
        yield run
        value, shift = 0, 0
    if shift:
        raise invalid_input("the run-length code ends in the middle of a number", "mask.counts")
