"""A sheet of the worst answers: what was marked, what is true, what was said and drawn."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from earthgptx.evaluation.prompts import Prompts, regions_of
from earthgptx.evaluation.samples import CAPTION_TASKS, MASK_TASKS, pixels_rgb, united_mask
from earthgptx.evaluation.scoring import Outcome
from earthgptx.evaluation.tally import Tally
from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.masks import BoxXyxyPx, MaskHW, decode_rle
from earthgptx.imagery.sheet import sheet_of

_SHOWN = 12
_COLUMNS = 4


def worst_first(task: str, outcomes: Sequence[Outcome], tally: Tally) -> list[int]:
    """Places of the outcomes, the worst first; equally bad ones in their order."""
    if task == "detect":
        counts = [outcome.box_counts for outcome in outcomes]
        goodness = [2 * c.matched / max(c.predicted + c.true, 1) for c in counts]
    else:
        name = "mIoU" if task in MASK_TASKS else "accuracy"
        goodness = tally.each["CIDEr-D" if task in CAPTION_TASKS else name]
    return sorted(range(len(outcomes)), key=lambda place: goodness[place])


def draw_worst(
    task: str, outcomes: Sequence[Outcome], tally: Tally, prompts: Prompts
) -> Image.Image:
    """The worst answers side by side, at most ``_SHOWN``."""
    chosen = worst_first(task, outcomes, tally)[:_SHOWN]
    return sheet_of([_tile(task, outcomes[place], prompts) for place in chosen], _COLUMNS)


def _tile(task: str, outcome: Outcome, prompts: Prompts) -> Image.Image:
    sample = outcome.sample
    regions = regions_of(sample, prompts)
    boxes: list[tuple[str, BoxXyxyPx]] = []
    masks: list[tuple[str, MaskHW]] = []
    captions = [("Image", sample.image.image_id)]
    if sample.question:
        captions.append(("Question", sample.question))
    if task in MASK_TASKS:
        masks.append(("true", united_mask(sample.image, sample.mask_objects)))
        if outcome.mask is not None:
            masks.append(("drawn", decode_rle(*outcome.mask)))
        both, either = outcome.overlap_px
        captions.append(("Overlap", f"{both} of {either} px"))
    elif task == "detect":
        boxes += [("true", box) for box in sample.boxes]
        boxes += [("found", box) for box in outcome.boxes_xyxy_px]
        counts = outcome.box_counts
        captions.append(("Boxes", f"{counts.matched} matched of {counts.true} true"))
    else:
        captions += [("True", sample.expected), ("Said", outcome.text or "(nothing)")]
    return draw_overlay(pixels_rgb(sample.image), regions, boxes, masks, captions)
