"""One instruction record to one training sample: its own words, seen as serving would see it."""

from __future__ import annotations

import numpy as np

from earthgptx.data.records import InstructionRecord, answer_through
from earthgptx.data.segmentation import Rle
from earthgptx.data.views import cut_mask, is_mostly_padding, windowed
from earthgptx.imagery.marks import region_extent_xyxy_px
from earthgptx.imagery.masks import decode_rle
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.windows import Window, choose_window, whole_image
from earthgptx.training.dense_truth import UNKNOWN, dense_truth
from earthgptx.training.meanings import MaskTarget
from earthgptx.training.pixels import jittered, three_channels
from earthgptx.training.samples import Question, SampleSettings, TrainingSample, target_of

# How often the model looks where the marks are, as it does for a user who leaves it the choice.
CLOSE_SHARE = 0.7


def sample_of_record(
    record: InstructionRecord, rng: np.random.Generator, settings: SampleSettings
) -> TrainingSample:
    """The record through the whole image, or through the window that its marks choose.

    Nothing is turned or mirrored: words may speak of left and right.
    """
    image, side = record.image, settings.view_side_px
    window = whole_image(image.width_px, image.height_px)
    if record.marks and rng.random() < CLOSE_SHARE:
        extents = [region_extent_xyxy_px(region) for region in record.marks]
        close = choose_window(extents, image.width_px, image.height_px)
        window = window if is_mostly_padding(image, close) else close
    view = windowed(image, window, side)
    targets = tuple(_target(mask, record, window, side) for mask in record.masks)
    question = Question(record.question, answer_through(record, window), targets)
    told = rng.random() >= settings.modality_dropout
    marked = bool(record.marks)
    return TrainingSample(
        view=jittered(three_channels(view.load_pixels()), rng),
        modality=image.modality if told else "",
        plain=() if marked else (question,),
        marked=(question,) if marked else (),
        raster=rasterise_regions(record.marks, window, side, image.width_px, image.height_px)
        if marked
        else None,
        region_masks=(None,) * len(record.marks),
        region_labels=(UNKNOWN,) * len(record.marks),
        dense=dense_truth(view, _no_mask, settings.grid_side),
        meant=(),
    )


def _target(
    mask: Rle | None, record: InstructionRecord, window: Window, side_px: int
) -> MaskTarget | None:
    if mask is None:
        return None
    mask_HW = decode_rle(record.image.height_px, record.image.width_px, str(mask["counts"]))
    return MaskTarget(target_of(cut_mask(mask_HW, window, side_px)))


def _no_mask(index: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    raise AssertionError(f"a record has no object {index}")
