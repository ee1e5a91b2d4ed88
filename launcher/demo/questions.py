"""What the demo asks: about three generated scenes whose truth is known, or about any image.

The scenes' seeds lie below those that training draws from: the model has never seen them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earthgptx.data.instructions.describe import (
    brief_caption,
    grounded_caption,
    ways_to_single_out,
)
from earthgptx.data.instructions.facts import Facts, gather_facts
from earthgptx.data.instructions.relations import relation_phrase
from earthgptx.data.labelled_image import LabelledImage, Modality
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.imagery.mark_shapes import BoxMark, MarkKind, PointMark, Region
from earthgptx.imagery.masks import MaskHW, decode_rle
from earthgptx.imagery.simulated_marks import marks_from_mask
from earthgptx.words import plural

BoxXyxyPx = tuple[float, float, float, float]
SCENE_SIDE_PX = 384


@dataclass(frozen=True)
class Truth:
    """What is known to be right; empty parts are not judged.

    Attributes:
        text: the right words; None where many are right.
        exact: whether the words must be these.
        masks: the right masks.
        ordered: the answer must give them in this order; else each is held against the best.
        boxes_xyxy_px: the right boxes, in any order.
    """

    text: str | None = None
    exact: bool = False
    masks: tuple[MaskHW, ...] = ()
    ordered: bool = True
    boxes_xyxy_px: tuple[BoxXyxyPx, ...] = ()


@dataclass(frozen=True)
class DemoQuestion:
    """One request. `kind` is for people; `task` is the suite's."""

    kind: str
    text: str
    regions: tuple[Region, ...] = ()
    truth: Truth = field(default_factory=Truth)
    task: str = "answer"
    durable: bool = False


@dataclass(frozen=True)
class DemoImage:
    """An image and what is asked about it.

    Attributes:
        name: for files and headings.
        path: what is uploaded.
        pixels_HWC: uint8 [H, W, 3], what the pictures show.
    """

    name: str
    path: Path
    pixels_HWC: npt.NDArray[np.uint8]
    modality: Modality | None
    questions: tuple[DemoQuestion, ...]


Ask = Callable[["SceneTruth"], tuple[DemoQuestion, ...]]


class SceneTruth:
    """A generated scene, its facts, and marks drawn on its objects."""

    def __init__(self, image: LabelledImage, marked: dict[str, MarkKind]) -> None:
        """Marks the first object of each label, by the kind given; regions in that order."""
        self.image = image
        self.facts: Facts = gather_facts(image)
        self.marked = tuple(self.facts.things[label][0] for label in marked)
        rng = np.random.default_rng(7)
        self.regions = tuple(
            marks_from_mask(self.mask(index), kind, rng)
            for index, kind in zip(self.marked, marked.values(), strict=True)
        )

    def mask(self, *indices: int) -> MaskHW:
        """The union of the objects' masks."""
        size = (self.image.height_px, self.image.width_px)
        masks = [self.image.objects[index].mask for index in indices]
        parts = [decode_rle(*size, str(mask["counts"])) for mask in masks if mask is not None]
        return np.asarray(np.stack(parts).any(axis=0), dtype=np.bool_)

    def scene_class(self) -> DemoQuestion:
        truth = Truth(self.image.scene, exact=True)
        return DemoQuestion("scene class", "What kind of scene is this?", truth=truth)

    def caption(self, *, durable: bool = False) -> DemoQuestion:
        truth = Truth(brief_caption(self.facts))
        kind = "caption (durable)" if durable else "caption"
        return DemoQuestion(kind, "Describe the image briefly.", truth=truth, durable=durable)

    def grounded_caption(self) -> DemoQuestion:
        made = grounded_caption(self.facts)
        text, groups = made if made is not None else ("", ())
        masks = tuple(self.mask(*group) for group in groups)
        question = "Describe the image and segment what you mention."
        return DemoQuestion(
            "grounded caption", question, truth=Truth(text, masks=masks, ordered=False)
        )

    def count(self, label: str) -> DemoQuestion:
        truth = Truth(str(len(self.facts.things.get(label, ()))), exact=True)
        return DemoQuestion("count", f"How many {plural(label)} are there?", truth=truth)

    def presence(self, label: str) -> DemoQuestion:
        truth = Truth("yes" if label in self.facts.things else "no", exact=True)
        return DemoQuestion("presence", f"Is there a {label}?", truth=truth)

    def what_is(self, number: int, kind: MarkKind) -> DemoQuestion:
        truth = Truth(self.facts[self.marked[number - 1]].label, exact=True)
        text = f"What is <Region {number}>?"
        return DemoQuestion(f"what is it, by {kind}", text, self.regions, truth)

    def relation(self) -> DemoQuestion:
        names = ("<Region 1>", "<Region 2>")
        clause = relation_phrase(self.facts, self.marked[0], self.marked[1], names)
        text = f"What is the relation between {names[0]} and {names[1]}?"
        return DemoQuestion("relation", text, self.regions, Truth(clause, exact=True))

    def segment_words(self, label: str) -> DemoQuestion:
        index = self.facts.things[label][0]
        phrase = ways_to_single_out(self.facts, index)[0].words
        truth = Truth(masks=(self.mask(index),))
        return DemoQuestion("segment, by words", f"Segment the {phrase}.", truth=truth)

    def segment_all(self, label: str) -> DemoQuestion:
        truth = Truth(masks=(self.mask(*self.facts.things[label]),))
        return DemoQuestion("segment, by words", f"Segment all {plural(label)}.", truth=truth)

    def segment_marks(self) -> DemoQuestion:
        truth = Truth(masks=tuple(self.mask(index) for index in self.marked))
        return DemoQuestion("segment, by marks", "", self.regions, truth, task="segment_regions")

    def detect(self, label: str) -> DemoQuestion:
        objects = self.image.objects
        boxes = tuple(objects[index].box_xyxy_px for index in self.facts.things[label])
        text = f"Detect all {plural(label)}."
        return DemoQuestion("detect", text, truth=Truth(boxes_xyxy_px=boxes))


def _about_optical(scene: SceneTruth) -> tuple[DemoQuestion, ...]:
    return (
        scene.scene_class(),
        scene.caption(),
        scene.what_is(1, "box"),
        scene.relation(),
        scene.segment_words("ground track field"),
        scene.grounded_caption(),
    )


def _about_sar(scene: SceneTruth) -> tuple[DemoQuestion, ...]:
    return (
        scene.count("ship"),
        scene.what_is(1, "point"),
        scene.detect("ship"),
        scene.segment_marks(),
        scene.scene_class(),
    )


def _about_infrared(scene: SceneTruth) -> tuple[DemoQuestion, ...]:
    return (
        scene.presence("bridge"),
        scene.what_is(1, "scribble"),
        scene.segment_all("storage tank"),
        scene.caption(durable=True),
        scene.detect("storage tank"),
    )


_SCENES: tuple[tuple[Modality, int, dict[str, MarkKind], Ask], ...] = (
    ("optical", 10106, {"baseball field": "box", "tennis court": "point"}, _about_optical),
    ("sar", 10023, {"ship": "point", "chimney": "box"}, _about_sar),
    ("infrared", 10062, {"ship": "scribble", "storage tank": "polygon"}, _about_infrared),
)


def sample_images(folder: Path) -> list[DemoImage]:
    """Makes the three scenes, writes them as PNG into `folder`, asks what their truth allows."""
    from PIL import Image

    images = []
    for modality, seed, marked, ask in _SCENES:
        labelled = generate_scene(seed, SCENE_SIDE_PX).labelled(modality)
        pixels_HWC = labelled.load_pixels()
        path = folder / f"{modality}.png"
        Image.fromarray(pixels_HWC.squeeze()).save(path)
        shown_HWC = np.broadcast_to(pixels_HWC, (*pixels_HWC.shape[:2], 3)).copy()
        questions = ask(SceneTruth(labelled, marked))
        images.append(DemoImage(modality, path, shown_HWC, modality, questions))
    return images


def questions_for_any(width_px: int, height_px: int) -> tuple[DemoQuestion, ...]:
    """Questions that make sense for any image; the marks are around its middle."""
    middle = Region((PointMark(width_px / 2, height_px / 2),))
    third = Region(
        (BoxMark(width_px / 3, height_px / 3, 2 * width_px / 3, 2 * height_px / 3),),
    )
    return (
        DemoQuestion("scene class", "What kind of scene is this?"),
        DemoQuestion("caption", "Describe the image briefly."),
        DemoQuestion("caption, detailed", "Describe the image in detail."),
        DemoQuestion("what is it, by point", "What is <Region 1>?", (middle,)),
        DemoQuestion("what is it, by box", "What is <Region 2>?", (middle, third)),
        DemoQuestion("detect", "Detect all vehicles."),
        DemoQuestion("segment, by words", "Segment all buildings."),
        DemoQuestion("segment, by marks", "", (middle, third), task="segment_regions"),
        DemoQuestion("grounded caption", "Describe the image and segment what you mention."),
        DemoQuestion("presence (durable)", "Is there a vehicle?", durable=True),
    )
