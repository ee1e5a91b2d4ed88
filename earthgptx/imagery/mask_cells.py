"""Masks of any size on a grid of their own, which has lines only where something changes.

What was drawn on 1024 cells and lies in a scene of billions of pixels has 1024 cells here as well,
and its outline is exact all the same: cells are traced, and their corners lie on edges of pixels.

h w rows and columns of cells; H W of the mask, in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.masks import MaskHW, encode_changes, rle_runs
from earthgptx.imagery.polygons import pixel_outlines

Ints = npt.NDArray[np.int64]
PartXyxyPx = tuple[int, int, int, int]

# Cells looked at one by one; more are looked at strip by strip.
CELLS_AT_ONCE = 4_000_000
# Runs of pixels down the columns, a hundred bytes each while they are encoded or read. What was
# drawn on 256 cells (published presets) has 128 down a column at most: in a view of 31,250 px it
# always fits, whatever is outlined. A thing of its own in a tile never comes near.
MOST_RUNS = 4_000_000


@dataclass(frozen=True)
class MaskCells:
    """A part of a mask.

    Attributes:
        inside_hw: bool [h, w].
        xs_px: [w + 1] edges of the columns, ascending, in pixels of the mask.
        ys_px: [h + 1] edges of the rows.
    """

    inside_hw: MaskHW
    xs_px: Ints
    ys_px: Ints

    def outlines(self) -> list[Polygon]:
        """The exact outlines, in pixels of the mask; as ``pixel_outlines`` gives them."""

        def placed(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            x, y = corners.astype(np.int64).T
            return np.column_stack((self.xs_px[x], self.ys_px[y])).astype(np.float64)

        return [shapely.transform(part, placed) for part in pixel_outlines(self.inside_hw)]

    def encoded(self, height_px: int, width_px: int) -> str:
        """The run-length code of the mask, of which nothing else is inside.

        Raises:
            ImageryError: It has more than ``MOST_RUNS`` (field "mask").
        """
        columns = self.inside_hw.shape[1]
        of_column, tops, bottoms = _column_runs(self.inside_hw)
        begins = np.searchsorted(of_column, np.arange(columns + 1))
        cells = np.repeat(np.arange(columns), np.diff(self.xs_px))
        counts = np.diff(begins)[cells]
        if counts.sum() > MOST_RUNS:
            raise ImageryError(
                "mask",
                f"has {counts.sum()} runs of pixels",
                f"{MOST_RUNS} runs; cut the scene into tiles and look at each",
            )
        # Number of each run: those of the first column of pixels, then those of the next.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        runs = np.repeat(begins[cells], counts) + within
        offsets = np.repeat(np.arange(self.xs_px[0], self.xs_px[-1]), counts) * height_px
        starts, stops = _merged(
            offsets + self.ys_px[tops][runs], offsets + self.ys_px[bottoms][runs]
        )
        return encode_changes(np.column_stack((starts, stops)).reshape(-1), height_px, width_px)


def cells_of(
    height_px: int, width_px: int, counts: str, part_xyxy_px: PartXyxyPx, most_cells: int
) -> MaskCells:
    """What is inside of a rectangle of a mask, in one grid.

    Args:
        height_px: H.
        width_px: W.
        counts: the mask's run-length code.
        part_xyxy_px: whole pixels inside the mask, x1 and y1 exclusive.
        most_cells: what is too many.

    Raises:
        ImageryError: the code is malformed, or there are too many cells (field "mask").
    """
    runs = _part_runs(height_px, width_px, counts, part_xyxy_px)
    ys_px = runs.edges(0, runs.columns)
    if runs.columns * (ys_px.size - 1) > most_cells:
        raise ImageryError(
            "mask", f"has {runs.columns} x {ys_px.size - 1} cells", f"{most_cells} cells"
        )
    return runs.grid(0, runs.columns, ys_px)


def strips_of(
    height_px: int, width_px: int, counts: str, part_xyxy_px: PartXyxyPx
) -> Iterator[MaskCells]:
    """The same in grids from left to right, each of ``CELLS_AT_ONCE`` at most or a single column.

    Raises:
        ImageryError: the code is malformed (field "mask").
    """
    runs = _part_runs(height_px, width_px, counts, part_xyxy_px)
    waiting = [(0, runs.columns)]
    while waiting:
        first, stop = waiting.pop()
        ys_px = runs.edges(first, stop)
        if stop - first > 1 and (stop - first) * (ys_px.size - 1) > CELLS_AT_ONCE:
            middle = (first + stop) // 2
            waiting += [(middle, stop), (first, middle)]
        elif stop > first:
            yield runs.grid(first, stop, ys_px)


@dataclass(frozen=True)
class _PartRuns:
    """Runs of inside pixels down the columns of a grid; columns of pixels that are alike are one.

    Attributes:
        xs_px: [w + 1] edges of the columns.
        begins: [w + 1] the first run of each column, and the end of all.
        tops_px: first row of each run.
        bottoms_px: last row (exclusive) of each run.
    """

    xs_px: Ints
    begins: Ints
    tops_px: Ints
    bottoms_px: Ints

    @property
    def columns(self) -> int:
        """How many there are."""
        return self.xs_px.size - 1

    def edges(self, first: int, stop: int) -> Ints:
        """Rows at which a run of these columns begins or ends; a single one if there is none."""
        there = slice(self.begins[first], self.begins[stop])
        if there.start == there.stop:
            return np.zeros(1, np.int64)
        return np.unique(np.concatenate((self.tops_px[there], self.bottoms_px[there])))

    def grid(self, first: int, stop: int, ys_px: Ints) -> MaskCells:
        """The cells of these columns; `ys_px` are their edges."""
        there = slice(self.begins[first], self.begins[stop])
        columns = np.repeat(np.arange(stop - first), np.diff(self.begins[first : stop + 1]))
        changes_hw = np.zeros((ys_px.size, stop - first), np.int8)
        np.add.at(changes_hw, (np.searchsorted(ys_px, self.tops_px[there]), columns), 1)
        np.add.at(changes_hw, (np.searchsorted(ys_px, self.bottoms_px[there]), columns), -1)
        inside_hw = np.cumsum(changes_hw, axis=0, dtype=np.int8)[:-1] > 0
        return MaskCells(inside_hw, self.xs_px[first : stop + 1], ys_px)


def _part_runs(height_px: int, width_px: int, counts: str, part_xyxy_px: PartXyxyPx) -> _PartRuns:
    x0, y0, x1, y1 = part_xyxy_px
    runs = rle_runs(height_px, width_px, counts)
    stops = np.cumsum(runs)[1::2]
    starts = np.maximum(stops - runs[1::2], x0 * height_px)
    stops = np.minimum(stops, max(x0, x1) * height_px)
    there = starts < stops
    columns, tops, bottoms = _split(starts[there], stops[there], height_px)
    tops, bottoms = np.maximum(tops, y0), np.minimum(bottoms, y1)
    there = tops < bottoms
    columns, tops, bottoms = columns[there], tops[there], bottoms[there]
    begins = np.searchsorted(columns, np.arange(x0, max(x0, x1) + 1))
    changed = _changed(begins, tops, bottoms)
    # Only the first of columns that are alike is kept.
    kept = np.repeat(changed, np.diff(begins))
    counted = np.concatenate(([0], np.cumsum(np.diff(begins)[changed])))
    xs = np.append(np.flatnonzero(changed) + x0, max(x0, x1))
    return _PartRuns(xs, counted, tops[kept], bottoms[kept])


def _split(starts: Ints, stops: Ints, height_px: int) -> tuple[Ints, Ints, Ints]:
    """Column, first row and last row (exclusive) of runs, of which some go on into the next."""
    first, last = starts // height_px, (stops - 1) // height_px
    counts = last - first + 1
    of_run = np.repeat(np.arange(starts.size), counts)
    columns = first[of_run] + np.arange(of_run.size) - (np.cumsum(counts) - counts)[of_run]
    tops = np.maximum(starts[of_run] - columns * height_px, 0)
    bottoms = np.minimum(stops[of_run] - columns * height_px, height_px)
    return columns, tops, bottoms


def _changed(begins: Ints, tops: Ints, bottoms: Ints) -> npt.NDArray[np.bool_]:
    """For each column whether it differs from the one before; the first does."""
    counts = np.diff(begins)
    changed: npt.NDArray[np.bool_] = np.diff(counts, prepend=-1) != 0
    of_run = np.repeat(np.arange(counts.size), counts)
    before = np.maximum(np.arange(of_run.size) - counts[of_run], 0)
    differs = (tops != tops[before]) | (bottoms != bottoms[before])
    changed |= np.bincount(of_run[differs], minlength=counts.size) > 0
    return changed


def _column_runs(mask_hw: MaskHW) -> tuple[Ints, Ints, Ints]:
    """Column, first row and last row (exclusive) of each run of inside cells, column by column."""
    padded_wh = np.pad(mask_hw.T.astype(np.int8), ((0, 0), (1, 1)))
    changes_wh = np.diff(padded_wh, axis=1)
    of_column, tops = np.nonzero(changes_wh == 1)
    _, bottoms = np.nonzero(changes_wh == -1)
    return of_column, tops, bottoms


def _merged(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """Without empty runs, and those that meet made one."""
    there = stops > starts
    starts, stops = starts[there], stops[there]
    apart = starts[1:] > stops[:-1]
    ends = np.ones(min(starts.size, 1), np.bool_)
    return starts[np.concatenate((ends, apart))], stops[np.concatenate((apart, ends))]
