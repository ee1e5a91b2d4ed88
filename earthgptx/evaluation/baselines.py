"""What is reached without understanding anything: chance, one constant answer, the mark itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.metrics import MaskHW
from earthgptx.evaluation.samples import Sample, mark_of
from earthgptx.evaluation.scoring import Outcome, judge, score
from earthgptx.imagery.marks import MarkKind, Region
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.windows import Window

Baseline = dict[str, object]
_HEADLINE = ("accuracy", "macro_accuracy", "mIoU", "oIoU", "F1@0.5", "S-IoU", "count_error")


def trivial_baselines(
    task: str, samples: Sequence[Sample], fitted_on: Sequence[Sample], prompts: MarkKind
) -> dict[str, Baseline]:
    """Named baselines of a task, each saying what it is, scored on the same samples.

    Args:
        task: name of the task.
        samples: what the model was asked.
        fitted_on: samples of the other side of the split, from which constants are taken.
        prompts: the kind of mark.
    """
    if task == "segment":
        return {"everything": _scored(task, samples, _everything, "the whole image as the mask")}
    if task == "segment_by_mark":
        what = f"the {prompts} mark itself, filled, as the mask"

        def filled(sample: Sample) -> Prediction:
            return Prediction(mask_HW=_mark_mask(sample, prompts))

        return {"mark": _scored(task, samples, filled, what)}
    if task == "detect":
        what = "one box round the whole image for every question"
        return {"whole_image": _scored(task, samples, _one_box, what)}
    baselines = {"constant": _constant(task, samples, fitted_on)}
    if task in ("classify_regions", "classify_image"):
        labels = {sample.expected for sample in (*samples, *fitted_on)}
        what = f"one of the {len(labels)} labels that occur, drawn evenly"
        baselines["chance"] = {"what": what, "accuracy": 1 / max(len(labels), 1)}
    if task == "answer":
        baselines["chance"] = _answer_chance(samples, fitted_on)
    return baselines


def _scored(
    task: str, samples: Sequence[Sample], predict: Callable[[Sample], Prediction], what: str
) -> Baseline:
    outcomes = [judge(task, sample, predict(sample)) for sample in samples]
    return {"what": what, **headline(task, outcomes)}


def headline(task: str, outcomes: Sequence[Outcome]) -> Baseline:
    """The few scores that a baseline is compared by."""
    return {k: v for k, v in score(task, outcomes, None).items() if k in _HEADLINE}


def _everything(sample: Sample) -> Prediction:
    shape = (sample.image.height_px, sample.image.width_px)
    return Prediction(mask_HW=np.ones(shape, np.bool_))


def _one_box(sample: Sample) -> Prediction:
    image = sample.image
    return Prediction(boxes=((0.0, 0.0, float(image.width_px), float(image.height_px)),))


def _mark_mask(sample: Sample, prompts: MarkKind) -> MaskHW:
    return region_mask(mark_of(sample, prompts), sample.image.height_px, sample.image.width_px)


def region_mask(region: Region, height_px: int, width_px: int) -> MaskHW:
    """What a mark covers, as a mask of the full image."""
    side = -(-max(height_px, width_px) // 4) * 4
    window = Window(0.0, 0.0, float(side))
    raster = rasterise_regions((region,), window, side, width_px, height_px)
    covered_SS = raster.map_KSS.max(axis=0) > 0.5
    return np.asarray(covered_SS[:height_px, :width_px])


def _constant(task: str, samples: Sequence[Sample], fitted_on: Sequence[Sample]) -> Baseline:
    """The answer given most often on the other side of the split, for each kind of question."""

    def kind_of(sample: Sample) -> str:
        return sample.label if task == "answer" else ""

    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in fitted_on:
        counted[kind_of(sample)][sample.expected] += 1
    chosen = {kind: counter.most_common(1)[0][0] for kind, counter in counted.items()}
    outcomes = [judge(task, s, Prediction(text=chosen.get(kind_of(s), ""))) for s in samples]
    what = "always the most frequent answer of the part not evaluated"
    if task == "answer":
        what += ", for each kind of question"
    return {"what": what, "answers": chosen, **headline(task, outcomes)}


def _answer_chance(samples: Sequence[Sample], fitted_on: Sequence[Sample]) -> Baseline:
    """Drawn evenly from the answers that occur to the kind of question."""
    answers: dict[str, set[str]] = defaultdict(set)
    for sample in (*samples, *fitted_on):
        answers[sample.label].add(sample.expected)
    shares = [1 / len(answers[sample.label]) for sample in samples]
    what = "drawn evenly from the answers that occur to each kind of question"
    return {"what": what, "accuracy": float(np.mean(shares)) if shares else 0.0}
