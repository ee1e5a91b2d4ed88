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
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import shapely

from earthgptx.scenes.ground import Ground
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.pieces import Piece, Shape, united

PieceT = TypeVar("PieceT", bound=Piece)


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


class Stitcher(Generic[PieceT]):
    """Takes tiles in any order and gives the things of the scene."""

    def __init__(self, rules: MergeRules | None = None) -> None:
        """Takes the rules."""
        self._rules = rules or MergeRules()
        self._pieces: list[PieceT] = []
        self._tiles: list[Hashable] = []
        self._known: set[Hashable] = set()

    def add(self, tile: Hashable, pieces: Iterable[PieceT]) -> None:
        """Takes what was seen in a tile; what is the same there is once, with the better score.

        Args:
            tile: tells it from the others; one that comes again changes nothing.
            pieces: are taken one by one.
        """
        if tile in self._known:
            return
        best_first = sorted(pieces, key=lambda piece: -piece.score)
        self._known.add(tile)
        kept = _without_doubles(best_first, self._rules.same_iou)
        self._pieces += kept
        self._tiles += [tile] * len(kept)

    def groups(self) -> list[list[PieceT]]:
        """The pieces of each thing found so far: union-find (Tarjan 1975), paths halved."""
        parents = list(range(len(self._pieces)))

        def root(index: int) -> int:
            while parents[index] != index:
                parents[index] = parents[parents[index]]
                index = parents[index]
            return index

        seen_px = np.array([piece.seen_px for piece in self._pieces], dtype=object)
        for one, other in shapely.STRtree(seen_px).query(seen_px).T.tolist():
            in_two_tiles = one < other and self._tiles[one] != self._tiles[other]
            if in_two_tiles and self._is_same(self._pieces[one], self._pieces[other]):
                parents[root(other)] = root(one)
        groups: dict[int, list[PieceT]] = defaultdict(list)
        for index, piece in enumerate(self._pieces):
            groups[root(index)].append(piece)
        return list(groups.values())

    def objects(self, ground: Ground) -> list[SceneObject]:
        """The things found so far, from the top to the bottom, measured on the ground."""
        merged = [(merged_shape(group), group) for group in self.groups()]
        merged.sort(key=lambda m: (m[0].bounds[1], m[0].bounds[0], m[0].bounds, m[1][0].label))
        return [
            SceneObject(
                number,
                group[0].label,
                max(piece.score for piece in group),
                merged_caption(group),
                shape_px,
                group[0].is_mask,
                ground.area_m2(shape_px),
                len({piece.window_xyxy_px for piece in group}),
            )
            for number, (shape_px, group) in enumerate(merged, start=1)
        ]

    def _is_same(self, one: Piece, other: Piece) -> bool:
        if (one.label, one.is_mask) != (other.label, other.is_mask):
            return False
        mine, theirs = _seen_by_both(one, other)
        if not (mine.area and theirs.area):
            return False
        if one.is_mask or one.is_cut or other.is_cut:
            shared = mine.intersection(theirs).area
            return bool(0 < shared >= self._rules.shared * min(mine.area, theirs.area))
        return _overlap(mine, theirs, self._rules.box_iou)


def _without_doubles(pieces: list[PieceT], same_iou: float) -> list[PieceT]:
    """Non-maximum suppression, the best score first."""
    tree = shapely.STRtree([piece.seen_px for piece in pieces])
    doubles: set[int] = set()
    for index, kept in enumerate(pieces):
        if index in doubles:
            continue
        for other in tree.query(kept.seen_px).tolist():
            piece = pieces[other]
            alike = (piece.label, piece.is_mask) == (kept.label, kept.is_mask)
            if other > index and alike and _overlap(piece.seen_px, kept.seen_px, same_iou):
                doubles.add(other)
    return [piece for index, piece in enumerate(pieces) if index not in doubles]


def _overlap(one: Shape, other: Shape, least_iou: float) -> bool:
    """Whether their intersection over union is as large; never where they only touch."""
    shared = one.intersection(other).area
    return bool(0 < shared >= least_iou * (one.area + other.area - shared))


def _seen_by_both(one: Piece, other: Piece) -> tuple[Shape, Shape]:
    """The two, where both tiles look."""
    left, top, right, bottom = one.window_xyxy_px
    x0, y0, x1, y1 = other.window_xyxy_px
    zone = (max(left, x0), max(top, y0), min(right, x1), min(bottom, y1))
    if zone[0] >= zone[2] or zone[1] >= zone[3]:
        return shapely.Polygon(), shapely.Polygon()
    box = shapely.box(*zone)
    return one.seen_px.intersection(box), other.seen_px.intersection(box)


def merged_caption(group: Sequence[Piece]) -> str:
    """What was said where most of the thing was seen; empty if nothing was."""
    return max(group, key=lambda piece: (bool(piece.caption), piece.shape_px.area)).caption


def merged_shape(group: Sequence[Piece]) -> Shape:
    """All of a thing: of its masks the union, of its boxes the best whole one."""
    if group[0].is_mask:
        # Pieces have an area, so their union has one.
        return united([piece.shape_px for piece in group]) or group[0].shape_px
    whole = [piece for piece in group if not piece.is_cut]
    if whole:
        return max(whole, key=lambda piece: piece.score).shape_px
    return shapely.box(*shapely.union_all([piece.shape_px for piece in group]).bounds)
