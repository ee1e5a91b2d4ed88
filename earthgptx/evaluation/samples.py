"""Questions with known answers; those made from labelled images, one list for each task."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgptx.data.instructions import plain
from earthgptx.data.instructions.describe import (
    brief_caption,
    region_caption,
    ways_to_single_out,
)
from earthgptx.data.instructions.facts import gather_facts
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.imagery.marks import Region
from earthgptx.imagery.masks import BoxXyxyPx, MaskHW, decode_rle
from earthgptx.words import plural

TASKS = (
    "classify_regions",
    "classify_image",
    "segment",
    "segment_by_mark",
    "detect",
    "caption",
    "caption_regions",
    "caption_regions_detailed",
    "answer",
)
MASK_TASKS = frozenset({"segment", "segment_by_mark"})
CAPTION_TASKS = frozenset({"caption", "caption_regions", "caption_regions_detailed"})
ANSWER_MAKERS = (plain.presence, plain.count, plain.compare, plain.where, plain.colour)
_TRIES = 4
_SMALLEST_SIDE_PX = 2.0


@dataclass(frozen=True)
class Sample:
    """One question.

    Attributes:
        image: the whole image.
        label: what the score is listed under: a class, or the kind of question.
        question: to the model; empty where only a mark is turned into a mask.
        marked: index of the marked object, None without a mark.
        expected: the right words.
        mask_objects: objects whose masks united are the right mask.
        boxes: the right boxes.
        whole: the whole image is looked at, for the words say where in it a thing is; else what
            is looked at depends on the mark.
        record_id: of the dataset's own question; empty where a template asks.
        own_regions: the marks of the dataset's own question.
        also_right: further right words: the other captions of an image.
    """

    image: LabelledImage
    label: str
    question: str = ""
    marked: int | None = None
    expected: str = ""
    mask_objects: tuple[int, ...] = ()
    boxes: tuple[BoxXyxyPx, ...] = ()
    whole: bool = False
    record_id: str = ""
    own_regions: tuple[Region, ...] = ()
    also_right: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """All right words."""
        return (self.expected, *self.also_right)

    @property
    def key(self) -> str:
        """Names the sample, for random choices that do not depend on its neighbours."""
        if self.record_id:
            return self.record_id
        return f"{self.image.image_id}|{self.question}|{self.marked}|{self.label}"


def make_samples(images: Sequence[LabelledImage], task: str) -> list[Sample]:
    """All samples of a task, in an order that is fixed but mixes images and classes."""
    return in_fixed_order([sample for image in images for sample in _MAKERS[task](image)])


def in_fixed_order(samples: Sequence[Sample]) -> list[Sample]:
    """By a digest of each: the same in every run, and images and classes are mixed."""
    return sorted(samples, key=lambda sample: _digest(sample.key))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def rng_for(key: str) -> np.random.Generator:
    """Random choices of one sample: the same in every run."""
    return np.random.default_rng(int.from_bytes(_digest(key)[:8], "big"))


def pixels_rgb(image: LabelledImage) -> npt.NDArray[np.uint8]:
    """uint8 [H, W, 3]; grey bands are shown three times."""
    pixels_HWC = image.load_pixels()
    return np.repeat(pixels_HWC, 3, axis=2) if pixels_HWC.shape[2] == 1 else pixels_HWC


def object_mask(image: LabelledImage, thing: LabelledObject) -> MaskHW:
    """The object's mask [H, W]; its filled box where there is no mask."""
    if thing.mask is not None:
        return decode_rle(image.height_px, image.width_px, str(thing.mask["counts"]))
    x0, y0, x1, y1 = (round(value) for value in thing.box_xyxy_px)
    filled_HW = np.zeros((image.height_px, image.width_px), np.bool_)
    filled_HW[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)] = True
    return filled_HW


def united_mask(image: LabelledImage, indices: Sequence[int]) -> MaskHW:
    """Union of the masks of these objects."""
    union_HW = np.zeros((image.height_px, image.width_px), np.bool_)
    for index in indices:
        union_HW |= object_mask(image, image.objects[index])
    return union_HW


def _markable(image: LabelledImage) -> Iterator[tuple[int, LabelledObject]]:
    for index, thing in enumerate(image.objects):
        x0, y0, x1, y1 = thing.box_xyxy_px
        if not thing.stuff and min(x1 - x0, y1 - y0) >= _SMALLEST_SIDE_PX:
            yield index, thing


def _classify_regions(image: LabelledImage) -> Iterator[Sample]:
    for index, thing in _markable(image):
        yield Sample(image, thing.label, "What is <Region 1>?", index, thing.label)


def _classify_image(image: LabelledImage) -> Iterator[Sample]:
    if image.image_label:
        yield Sample(image, image.image_label, "What vehicle is this?", None, image.image_label)
    elif image.scene:
        yield Sample(image, image.scene, "What kind of scene is this?", None, image.scene)


def _segment(image: LabelledImage) -> Iterator[Sample]:
    """Each class as a whole, and each object that an expression singles out."""
    facts = gather_facts(image)
    for label, indices in facts.things.items():
        if not facts.all_masked(indices):
            continue
        # Of an incomplete class the score is a lower bound; the report's notes say so.
        yield Sample(image, label, f"segment all {plural(label)}.", mask_objects=indices)
        for index in indices if len(indices) > 1 and facts.is_exhaustive(label) else ():
            for words in sorted(way.words for way in ways_to_single_out(facts, index))[:1]:
                yield Sample(image, label, f"segment the {words}.", mask_objects=(index,))
    for label, indices in facts.stuff.items():
        if facts.all_masked(indices):
            yield Sample(image, label, f"segment the {label}.", mask_objects=indices)


def _segment_by_mark(image: LabelledImage) -> Iterator[Sample]:
    for index, thing in _markable(image):
        if thing.mask is not None:
            yield Sample(image, thing.label, "", index, mask_objects=(index,))


def _detect(image: LabelledImage) -> Iterator[Sample]:
    """Every class of which all instances are annotated, and one that is not there."""
    facts = gather_facts(image)
    for label in facts.countable_labels():
        boxes = tuple(image.objects[i].box_xyxy_px for i in facts.things[label])
        yield Sample(image, label, f"detect all {plural(label)}.", boxes=boxes)
    absent = facts.absent_labels()
    if absent:
        label = absent[int(rng_for(image.image_id).integers(len(absent)))]
        yield Sample(image, label, f"detect all {plural(label)}.")


def _caption(image: LabelledImage) -> Iterator[Sample]:
    if image.scene:
        expected = brief_caption(gather_facts(image))
        yield Sample(image, image.scene, "Describe the image.", expected=expected)


def _caption_regions(image: LabelledImage) -> Iterator[Sample]:
    return _region_captions(image, "Describe <Region 1>.", detailed=False)


def _caption_regions_detailed(image: LabelledImage) -> Iterator[Sample]:
    return _region_captions(image, "Describe <Region 1> in detail.", detailed=True)


def _region_captions(image: LabelledImage, question: str, detailed: bool) -> Iterator[Sample]:
    facts = gather_facts(image)
    for index, thing in _markable(image):
        expected = region_caption(facts, index, detailed)
        yield Sample(image, thing.label, question, index, expected, whole=True)


def _answer(image: LabelledImage) -> Iterator[Sample]:
    """One question of each kind, where the image allows it."""
    facts = gather_facts(image)
    rng = rng_for(image.image_id)
    for maker in ANSWER_MAKERS:
        for _ in range(_TRIES):
            made = maker(facts, rng)
            if made is not None:
                yield Sample(image, made.task, made.question, expected=made.answer)
                break


_MAKERS: dict[str, Callable[[LabelledImage], Iterator[Sample]]] = {
    "classify_regions": _classify_regions,
    "classify_image": _classify_image,
    "segment": _segment,
    "segment_by_mark": _segment_by_mark,
    "detect": _detect,
    "caption": _caption,
    "caption_regions": _caption_regions,
    "caption_regions_detailed": _caption_regions_detailed,
    "answer": _answer,
}
