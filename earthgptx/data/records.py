"""The one instruction record: a question about an image, and the answer a person or a set gave.

Sets that carry text (captions, questions and answers, referring expressions, dialogues) are read
into these; they lie in shards (``earthgptx.data.sharded_records``) and are written by hand as lines
of JSON (``earthgptx.data.record_lines``). Where a set has labels instead of text, its truth is a
``LabelledImage``, and templates (``earthgptx.data.instructions``) make the questions.

Coordinates are pixels of the whole image, as in ``LabelledImage``; an answer names boxes and masks
by placeholders, because their text depends on the view they are looked at through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage
from earthgptx.data.segmentation import Rle
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.mark_limits import validate_regions
from earthgptx.imagery.mark_shapes import Region
from earthgptx.imagery.masks import rle_runs
from earthgptx.imagery.windows import Window, to_window_unit

MASK_PLACE = "[SEG]"
BOX_PLACE = "[BOX]"
_REGION = re.compile(r"<Region (\d+)>")


@dataclass(frozen=True)
class InstructionRecord:
    """One question about one image, with its answer.

    Attributes:
        record_id: unique within its source.
        image: what is asked about: pixels, modality, size, source, licence, ground sampling
            distance, group. Its ``objects`` are empty: what the text speaks of is in ``marks``,
            ``masks`` and ``boxes``.
        task: what is asked for: "caption", "question", "refer_class", "region_caption",
            "refer_box", "refer_mask", "conversation", or a word of the set's own.
        question: plain words; marked regions are named ``<Region 1>``, ``<Region 2>``, ...
        answer: plain words with markup: ``<p>phrase</p>[SEG]`` for a mask,
            ``<p>phrase</p>[BOX]`` for boxes.
        marks: what is drawn on the image; ``marks[k]`` is ``<Region k+1>``.
        masks: the mask of each ``[SEG]`` of the answer, in order, as compressed run lengths; None
            where the set does not tell.
        boxes: the boxes (x0, y0, x1, y1) of each ``[BOX]`` of the answer, in order.
        split: "train", "val" or "test" as its makers divided it, None where they did not.
    """

    record_id: str
    image: LabelledImage
    task: str
    question: str
    answer: str
    marks: tuple[Region, ...] = ()
    masks: tuple[Rle | None, ...] = ()
    boxes: tuple[tuple[BoxXyxyPx, ...], ...] = ()
    split: str | None = None

    def __post_init__(self) -> None:
        """Refuses a record whose text and truth do not belong together.

        Raises:
            ValueError: an empty question or answer, a placeholder without its mask or box or the
                other way round, a region that is not marked, a mark or mask that does not fit the
                image.
        """
        if not self.question.strip() or not self.answer.strip():
            raise ValueError("a question and an answer are needed")
        for place, truth in ((MASK_PLACE, self.masks), (BOX_PLACE, self.boxes)):
            if self.answer.count(place) != len(truth):
                raise ValueError(f"{self.answer.count(place)} {place} for {len(truth)} of them")
        named = [int(number) for number in _REGION.findall(self.question + self.answer)]
        if any(not 1 <= number <= len(self.marks) for number in named):
            raise ValueError(f"<Region {max(named)}> among {len(self.marks)} marked regions")
        self._check_shapes(self.image.width_px, self.image.height_px)

    def _check_shapes(self, width_px: int, height_px: int) -> None:
        try:
            validate_regions(self.marks, width_px, height_px)
            for mask in self.masks:
                if mask is not None:
                    rle_runs(height_px, width_px, str(mask["counts"]))
        except ImageryError as error:
            raise ValueError(str(error)) from error

    @property
    def source(self) -> str:
        """Name of the set it comes from."""
        return self.image.source

    @property
    def licence(self) -> str:
        """Under which the image and the text may be used."""
        return self.image.licence


def answer_through(record: InstructionRecord, window: Window) -> str:
    """The answer with each ``[BOX]`` as ``[x0,y0,x1,y1;...]`` in 0..1 of a view, two decimals.

    ``window`` is the view in pixels of the image: ``whole_image(width_px, height_px)`` gives
    MMRS-1M's convention, the image padded to a square.
    """
    parts = record.answer.split(BOX_PLACE)
    said = ("[" + ";".join(_box_text(box, window) for box in boxes) + "]" for boxes in record.boxes)
    return parts[0] + "".join(text + after for text, after in zip(said, parts[1:], strict=True))


def _box_text(box: BoxXyxyPx, window: Window) -> str:
    corners_N2 = to_window_unit([box[:2], box[2:]], window).clip(0.0, 1.0)
    return ",".join(f"{value:.2f}" for value in corners_N2.ravel())
