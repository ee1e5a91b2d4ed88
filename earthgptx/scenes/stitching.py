"""The same thing once: pieces of neighbouring tiles told to be one, and united.

Two pieces of one class are the same thing if they agree where both of their tiles look. For masks:
they share at least half of the smaller one there (a tile that only catches the edge of a thing may
see little of it). So do boxes of which a tile has cut one. Whole boxes, which overlap where things
stand close, need an intersection over union of a half: plain non-maximum suppression.

The rims of tiles, which are not trusted to draw a thing, do count for telling that it is the same.
Masks of one thing are united. Of its boxes the best that no tile has cut stays; if all are cut, the
thing is larger than a tile and gets their common extent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import shapely

from earthgptx.scenes.ground import Ground
from earthgptx.scenes.model import TileInstance, TileView
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.pieces import (
    Piece,
    Shape,
    intersection_over_union,
    pieces_of,
    united,
)
from earthgptx.scenes.tile_plan import TilePlan

# The last tile of a row may overlap the last but one by more than half, and so one more.
_REACH = 2


@dataclass(frozen=True)
class MergeRules:
    """When pieces are the same thing.

    Attributes:
        shared: part of the smaller mask or cut box, where both tiles look.
        box_iou: of two whole boxes.
        same_iou: of two things in one tile (non-maximum suppression).
    """

    shared: float = 0.5
    box_iou: float = 0.5
    same_iou: float = 0.5


class Stitcher:
    """Takes tiles in any order and gives the things of the scene."""

    def __init__(self, plan: TilePlan, rules: MergeRules | None = None) -> None:
        """Takes the grid the tiles are of."""
        self._plan = plan
        self._rules = rules or MergeRules()
        self._pieces: list[Piece] = []
        self._of_tile: dict[tuple[int, int], list[int]] = {}
        self._parents: list[int] = []

    def add(self, view: TileView, instances: Iterable[TileInstance]) -> None:
        """Takes what was seen in a tile. A tile that comes again changes nothing.

        Raises:
            ImageryError: an instance is none (see ``pieces_of``).
        """
        place = (view.tile.row, view.tile.column)
        if place in self._of_tile:
            return
        first = len(self._pieces)
        self._pieces += pieces_of(view, instances, self._plan, self._rules.same_iou)
        self._parents += range(first, len(self._pieces))
        self._of_tile[place] = list(range(first, len(self._pieces)))
        tree = shapely.STRtree([piece.seen_px for piece in self._pieces[first:]])
        for other in self._neighbours(place):
            for at in tree.query(self._pieces[other].seen_px).tolist():
                if self._is_same(self._pieces[first + at], self._pieces[other]):
                    self._parents[self._root(first + at)] = self._root(other)

    def objects(self, ground: Ground) -> list[SceneObject]:
        """The things found so far, from the top to the bottom, measured on the ground."""
        groups: dict[int, list[Piece]] = defaultdict(list)
        for index, piece in enumerate(self._pieces):
            groups[self._root(index)].append(piece)
        merged = [(_merged(group), group) for group in groups.values()]
        merged.sort(key=lambda m: (m[0].bounds[1], m[0].bounds[0], m[0].bounds, m[1][0].label))
        return [
            SceneObject(
                number,
                group[0].label,
                max(piece.score for piece in group),
                max(group, key=lambda piece: (bool(piece.caption), piece.shape_px.area)).caption,
                shape_px,
                group[0].is_mask,
                ground.area_m2(shape_px),
                len({(piece.tile.row, piece.tile.column) for piece in group}),
            )
            for number, (shape_px, group) in enumerate(merged, start=1)
        ]

    def _neighbours(self, place: tuple[int, int]) -> list[int]:
        """Pieces of the tiles around that are there already."""
        row, column = place
        around = range(-_REACH, _REACH + 1)
        return [
            index
            for down in around
            for right in around
            if (down, right) != (0, 0)
            for index in self._of_tile.get((row + down, column + right), ())
        ]

    def _root(self, index: int) -> int:
        """Union-find (Tarjan 1975), paths halved."""
        while self._parents[index] != index:
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def _is_same(self, one: Piece, other: Piece) -> bool:
        if (one.label, one.is_mask) != (other.label, other.is_mask):
            return False
        mine, theirs = _seen_by_both(one, other)
        if not (mine.area and theirs.area):
            return False
        if one.is_mask or one.is_cut or other.is_cut:
            shared = mine.intersection(theirs).area
            return bool(shared >= self._rules.shared * min(mine.area, theirs.area))
        return intersection_over_union(mine, theirs) >= self._rules.box_iou


def _seen_by_both(one: Piece, other: Piece) -> tuple[Shape, Shape]:
    """The two, where both tiles look."""
    left, top, right, bottom = one.tile.window_xyxy_px
    x0, y0, x1, y1 = other.tile.window_xyxy_px
    zone = (max(left, x0), max(top, y0), min(right, x1), min(bottom, y1))
    if zone[0] >= zone[2] or zone[1] >= zone[3]:
        return shapely.Polygon(), shapely.Polygon()
    box = shapely.box(*zone)
    return one.seen_px.intersection(box), other.seen_px.intersection(box)


def _merged(group: Sequence[Piece]) -> Shape:
    if group[0].is_mask:
        # Pieces have an area, so their union has one.
        return united([piece.shape_px for piece in group]) or group[0].shape_px
    whole = [piece for piece in group if not piece.is_cut]
    if whole:
        return max(whole, key=lambda piece: piece.score).shape_px
    return shapely.box(*shapely.union_all([piece.shape_px for piece in group]).bounds)
