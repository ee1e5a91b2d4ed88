"""A dataset's own questions as samples: asked in its words, scored against its answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage, LabelledObject
from earthgptx.data.records import InstructionRecord, answer_through
from earthgptx.data.segmentation import Rle, rle_of
from earthgptx.evaluation.samples import CAPTION_TASKS, Sample, in_fixed_order
from earthgptx.imagery.mark_shapes import BoxMark, MaskMark, PolygonMark, Region
from earthgptx.imagery.marks import mark_extent_xyxy_px
from earthgptx.imagery.masks import rle_box_xyxy_px
from earthgptx.imagery.windows import whole_image
from earthgptx.model.markup import plain_text

# Words of records (and of MMRS-1M's folders) that say more than the form of the answer does.
_TASK_OF_WORD = {
    "caption": "caption",
    "region_caption": "caption_regions",
    "refer_class": "classify_regions",
    "image_class": "classify_image",
    "classification": "classify_image",
}


def tasks_of(record: InstructionRecord) -> tuple[str, ...]:
    """The tasks that a record can be scored by.

    Captions and classes by the record's word. Else masks are for "segment" (not where the dataset
    does not tell them), boxes for "detect", and plain words for "answer".
    """
    if record.task in _TASK_OF_WORD:
        return (_TASK_OF_WORD[record.task],)
    if not record.masks and not record.boxes:
        return ("answer",)
    segments = ("segment",) if record.masks and None not in record.masks else ()
    return (*segments, "detect") if record.boxes else segments


def record_samples(records: Iterable[InstructionRecord], task: str) -> list[Sample]:
    """The samples of a task, in an order that is fixed but mixes images.

    Captions of one image, or of one marked thing, are references of one sample, which asks as the
    first of them does.
    """
    groups: dict[object, list[InstructionRecord]] = defaultdict(list)
    for record in records:
        if task in tasks_of(record):
            same = (record.image.image_id, record.marks)
            groups[same if task in CAPTION_TASKS else len(groups)].append(record)
    return in_fixed_order([_sample(group, task) for group in groups.values()])


def _sample(group: Sequence[InstructionRecord], task: str) -> Sample:
    record = group[0]
    marked = [thing for region in record.marks if (thing := _marked_thing(region, record.image))]
    masked = [_masked_thing(mask, record) for mask in record.masks if mask is not None]
    answers = dict.fromkeys(_words(each) for each in group)
    expected, *others = answers
    return Sample(
        replace(record.image, objects=(*marked, *masked)),
        label=expected if task.startswith("classify") else record.task,
        question=record.question,
        marked=0 if len(record.marks) == len(marked) == 1 else None,
        expected=expected,
        mask_objects=tuple(range(len(marked), len(marked) + len(masked))),
        boxes=tuple(box for boxes in record.boxes for box in boxes),
        whole=task in CAPTION_TASKS,
        record_id=record.record_id,
        own_regions=record.marks,
        also_right=tuple(others),
    )


def _words(record: InstructionRecord) -> str:
    whole = whole_image(record.image.width_px, record.image.height_px)
    return plain_text(answer_through(record, whole))


def _marked_thing(region: Region, image: LabelledImage) -> LabelledObject | None:
    """The thing that a region outlines; None where its marks only touch it (points, strokes)."""
    for mark in region.marks:
        box = mark_extent_xyxy_px(mark)
        match mark:
            case BoxMark():
                return LabelledObject("", box)
            case PolygonMark(vertices):
                ring = [coordinate for vertex in vertices for coordinate in vertex]
                return LabelledObject("", box, rle_of([ring], image.width_px, image.height_px))
            case MaskMark(height_px, width_px, counts):
                return LabelledObject("", box, {"size": [height_px, width_px], "counts": counts})
    return None


def _masked_thing(mask: Rle, record: InstructionRecord) -> LabelledObject:
    image = record.image
    box: BoxXyxyPx | None = rle_box_xyxy_px(image.height_px, image.width_px, str(mask["counts"]))
    return LabelledObject(record.task, box or (0.0, 0.0, 0.0, 0.0), mask)
