"""One labelled image to one training sample: a view, its questions, its marks, its masks.

What serving does to a request happens here to a label: the same windows, the same raster of marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.data.instructions import Instruction, make_marked, make_plain
from earthgptx.data.instructions.facts import Facts, gather_facts
from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage, LabelledObject, MaskHW
from earthgptx.data.views import dihedral, in_whole, is_mostly_padding, windowed
from earthgptx.imagery.marks import Region, marks_from_mask, part_of_box
from earthgptx.imagery.masks import decode_rle
from earthgptx.imagery.prompt_raster import PromptRaster, rasterise_regions
from earthgptx.imagery.windows import Window, choose_window, whole_image
from earthgptx.training.dense_truth import DenseTruth, dense_truth, label_number
from earthgptx.training.meanings import (
    MaskGG,
    MaskTarget,
    Meaning,
    meaning_of,
    meanings_in,
)
from earthgptx.training.pixels import jittered, three_channels

MARK_KINDS = ("box", "point", "scribble", "polygon", "mask")
MARK_WEIGHTS = (0.32, 0.2, 0.33, 0.09, 0.06)
BOX_KINDS = ("box", "point", "scribble")
# Something is seen even of the smallest thing.
LEAST_HALF_PX = 0.75
# How often the marks that a close look was chosen for span the whole thing.
WHOLE_SHARE = 0.5

ViewSS3 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Question:
    """One question with its answer and a target for each [SEG] in the answer.

    A target is None where the truth of the mask is not known; it is left out of every loss.
    """

    question: str
    answer: str
    targets: tuple[MaskTarget | None, ...]


@dataclass(frozen=True)
class TrainingSample:
    """One view with everything that is asked about it.

    Attributes:
        plain: questions without marks.
        raster: the marks that all ``marked`` questions share, or None.
        region_masks: the true mask of each marked region, None where unknown.
        region_labels: number of each marked region's label.
        dense: what is where in the view.
        meant: masks that need no words to be asked for.
    """

    view: ViewSS3
    modality: str
    plain: tuple[Question, ...]
    marked: tuple[Question, ...]
    raster: PromptRaster | None
    region_masks: tuple[MaskGG | None, ...]
    region_labels: tuple[int, ...]
    dense: DenseTruth
    meant: tuple[MaskTarget, ...]


@dataclass(frozen=True)
class SampleSettings:
    """How samples are made.

    Attributes:
        zoom_probability: share of samples looking closely at one object.
        tile_probability: of the rest, share that are a tile of an image larger than a view.
        plain_count, marked_count: questions a sample.
        plain_shares, marked_shares: how often questions are of a kind, where not as usual
            (``MAKERS`` of ``data.instructions.plain`` and ``marked``).
        mark_weights: how often things with masks are marked by each of ``MARK_KINDS``.
        tile_sides: sides of tiles, from and to, as shares of a view's.
        modality_dropout: share of samples whose modality is not told.
        most_whole_labels, most_qualified: masks that need no words, of labels as a whole and of
            those of a label that a qualifier picks.
        turn_probability_whole: share of turned samples among images that have one label as a whole
            (radar looks from one side: a turned shadow is not what is asked about later).
    """

    view_side_px: int
    grid_side: int
    zoom_probability: float = 0.45
    tile_probability: float = 0.0
    plain_count: int = 6
    marked_count: int = 4
    plain_shares: Mapping[str, float] | None = None
    marked_shares: Mapping[str, float] | None = None
    mark_weights: tuple[float, ...] = MARK_WEIGHTS
    tile_sides: tuple[float, float] = (0.9, 1.7)
    most_whole_labels: int = 2
    most_qualified: int = 4
    modality_dropout: float = 0.1
    turn_probability_whole: float = 0.3


def make_sample(
    image: LabelledImage, rng: np.random.Generator, settings: SampleSettings
) -> TrainingSample:
    """A random view of ``image`` with random questions and marks."""
    turns = not image.image_label or rng.random() < settings.turn_probability_whole
    turn = int(rng.integers(8)) if turns else 0
    view = dihedral(_random_view(image, rng, settings), turn)
    side = settings.view_side_px
    masks = _MaskCache(view)
    facts = gather_facts(view)
    plain = make_plain(view, rng, settings.plain_count, settings.plain_shares)
    marked = None
    if view.objects:
        marked = make_marked(view, rng, settings.marked_count, settings.marked_shares)
    raster = None
    region_masks: tuple[MaskGG | None, ...] = ()
    region_labels: tuple[int, ...] = ()
    marked_questions: tuple[Question, ...] = ()
    if marked is not None and marked.object_indices:
        weights = settings.mark_weights
        regions = tuple(
            _mark(view.objects[i], masks.full(i), rng, weights) for i in marked.object_indices
        )
        raster = rasterise_regions(regions, Window(0.0, 0.0, float(side)), side, side, side)
        raster = replace(raster, places_R4=_in_whole(raster.places_R4, view))
        region_masks = tuple(masks.known((i,)) for i in marked.object_indices)
        region_labels = tuple(label_number(view.objects[i].label) for i in marked.object_indices)
        marked_questions = _questions(marked.instructions, facts, masks)
    told = rng.random() >= settings.modality_dropout
    return TrainingSample(
        view=jittered(three_channels(view.load_pixels()), rng),
        modality=view.modality if told else "",
        plain=_questions(plain, facts, masks),
        marked=marked_questions,
        raster=raster,
        region_masks=region_masks,
        region_labels=region_labels,
        dense=dense_truth(view, masks.full, settings.grid_side),
        meant=_meant(facts, masks, rng, settings),
    )


def _meant(
    facts: Facts, masks: _MaskCache, rng: np.random.Generator, settings: SampleSettings
) -> tuple[MaskTarget, ...]:
    """Some labels as a whole, and some of which a qualifier picks a part."""
    wholes, parts = [], []
    for whole, *others in meanings_in(facts).values():
        wholes.append(whole)
        parts += others
    drawn = []
    for found, most in ((wholes, settings.most_whole_labels), (parts, settings.most_qualified)):
        for place in rng.permutation(len(found))[:most]:
            meaning, indices = found[place]
            drawn.append(masks.target(indices, meaning))
    return tuple(target for target in drawn if target is not None)


def _random_view(
    image: LabelledImage, rng: np.random.Generator, settings: SampleSettings
) -> LabelledImage:
    whole = whole_image(image.width_px, image.height_px)
    window = whole
    labels = sorted({o.label for o in image.objects if not o.stuff})
    if labels and rng.random() < settings.zoom_probability:
        label = labels[int(rng.integers(len(labels)))]
        boxes = [o.box_xyxy_px for o in image.objects if o.label == label and not o.stuff]
        box = boxes[int(rng.integers(len(boxes)))]
        window = choose_window([_drawn_part(box, rng)], image.width_px, image.height_px)
    elif labels and rng.random() < settings.tile_probability:
        window = _tile(image, rng, settings)
    if is_mostly_padding(image, window):
        window = whole
    # Looking closely at one thing, nobody can say what the whole scene is.
    shown = image if window == whole else replace(image, scene=None)
    return windowed(shown, window, settings.view_side_px)


def _tile(image: LabelledImage, rng: np.random.Generator, settings: SampleSettings) -> Window:
    """A square about as large as a view around one of the things, as scenes are cut into tiles."""
    whole = whole_image(image.width_px, image.height_px)
    side_px = round(settings.view_side_px * rng.uniform(*settings.tile_sides))
    if side_px >= whole.side_px:
        return whole
    things = [thing for thing in image.objects if not thing.stuff]
    x0, y0, x1, y1 = things[int(rng.integers(len(things)))].box_xyxy_px
    # Wherever in the tile the thing then lies.
    corner = ((x0 + x1) / 2, (y0 + y1) / 2) - rng.uniform(0, side_px, 2)
    most = np.maximum((image.width_px - side_px, image.height_px - side_px), 0)
    left, top = np.clip(corner, 0, most).round().tolist()
    return Window(left, top, float(side_px))


def _drawn_part(box: BoxXyxyPx, rng: np.random.Generator) -> BoxXyxyPx:
    """What a mark on a thing spans: often all of it, for a scribble only a part."""
    if rng.random() < WHOLE_SHARE:
        return box
    return part_of_box(box, rng)


class _MaskCache:
    """Decodes each object's mask at most once."""

    def __init__(self, view: LabelledImage) -> None:
        self._view = view
        self._full: dict[int, MaskHW] = {}

    def full(self, index: int) -> MaskHW:
        """The object's mask [S, S]; its filled box where there is no mask."""
        if index not in self._full:
            self._full[index] = _decode(self._view, self._view.objects[index])
        return self._full[index]

    def known(self, indices: tuple[int, ...]) -> MaskGG | None:
        """The union of the objects' masks on the finest grid; None if one is unknown."""
        if any(self._view.objects[i].mask is None for i in indices):
            return None
        union = np.zeros((self._view.height_px, self._view.width_px), np.bool_)
        for i in indices:
            union |= self.full(i)
        return target_of(union)

    def target(self, indices: tuple[int, ...], meaning: Meaning) -> MaskTarget | None:
        """The same with its instances where all of them are known.

        A thing of which only the box is known is guessed.
        """
        things = [self._view.objects[i] for i in indices]
        if any(thing.stuff or thing.label in self._view.mostly_annotated for thing in things):
            known = self.known(indices)
            return None if known is None else MaskTarget(known, meaning)
        boxes_I4 = np.array([thing.box_xyxy_px for thing in things], np.float32)
        mask_GG = self.known(indices)
        if mask_GG is None:
            each = [self.known((i,)) for i in indices]
            guessed = map(self._guessed, things)
            mask_GG = np.max([g if k is None else k for g, k in zip(guessed, each, strict=True)], 0)
        return MaskTarget(mask_GG, meaning, boxes_I4 / self._view.width_px)

    def _guessed(self, thing: LabelledObject) -> MaskGG:
        return inscribed(thing.box_xyxy_px, self._view.width_px)


def target_of(mask_SS: MaskHW | npt.NDArray[np.float32]) -> MaskGG:
    """The mask on the finest grid: what share of each cell it covers."""
    side = mask_SS.shape[0] // 4
    small = cv2.resize(mask_SS.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def inscribed(box_xyxy_px: BoxXyxyPx, side_px: int) -> MaskGG:
    """What a box alone says of its thing's mask, on the finest grid.

    The ellipse within is taken for the thing; of the corners nobody knows: one half.
    """
    x0, y0, x1, y1 = box_xyxy_px
    centre_px, half_px = ((x0 + x1) / 2, (y0 + y1) / 2), ((x1 - x0) / 2, (y1 - y0) / 2)
    at_S = np.arange(side_px, dtype=np.float32) + 0.5
    x_1S, y_S1 = (
        (at_S - centre) / max(half, LEAST_HALF_PX)
        for centre, half in zip(centre_px, half_px, strict=True)
    )
    x_1S, y_S1 = x_1S[None, :], y_S1[:, None]
    in_box_SS = (np.abs(x_1S) <= 1) & (np.abs(y_S1) <= 1)
    return target_of((in_box_SS * 0.5 + (x_1S**2 + y_S1**2 <= 1) * 0.5).astype(np.float32))


def _decode(view: LabelledImage, thing: LabelledObject) -> MaskHW:
    if thing.mask is not None:
        return decode_rle(view.height_px, view.width_px, str(thing.mask["counts"]))
    x0, y0, x1, y1 = (round(v) for v in thing.box_xyxy_px)
    filled = np.zeros((view.height_px, view.width_px), np.bool_)
    filled[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)] = True
    return filled


def _mark(
    thing: LabelledObject, mask: MaskHW, rng: np.random.Generator, weights: Sequence[float]
) -> Region:
    if thing.mask is None:
        return marks_from_mask(mask, BOX_KINDS[int(rng.choice(3, p=(0.6, 0.2, 0.2)))], rng)
    return marks_from_mask(mask, MARK_KINDS[int(rng.choice(5, p=weights))], rng)


def _in_whole(places_R4: npt.NDArray[np.float32], view: LabelledImage) -> npt.NDArray[np.float32]:
    """Extents in 0..1 of the view, in 0..1 of the image that it is a view of."""
    x0, y0, x1, y1 = in_whole(tuple(places_R4.T), view.cut_xyxy_unit)
    return np.stack([x0, y0, x1, y1], axis=1).clip(0, 1).astype(np.float32)


def _questions(
    instructions: Sequence[Instruction], facts: Facts, masks: _MaskCache
) -> tuple[Question, ...]:
    return tuple(
        Question(
            i.question,
            i.answer,
            tuple(
                masks.target(target, meaning_of(facts, target, qualifier))
                for target, qualifier in zip_longest(i.seg_targets, i.seg_qualifiers, fillvalue="")
            ),
        )
        for i in instructions
    )
