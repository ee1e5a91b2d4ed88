"""What is reached without understanding anything: chance, one constant answer, the mark itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.label_text import word_overlap
from earthgptx.evaluation.prompts import Prompts, mark_of
from earthgptx.evaluation.samples import CAPTION_TASKS, Sample
from earthgptx.evaluation.scoring import Outcome, Scorer
from earthgptx.evaluation.similarity import cosines
from earthgptx.imagery.marks import Region
from earthgptx.imagery.masks import MaskHW
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.windows import Window

Baseline = dict[str, object]
_HEADLINE = (
    "accuracy",
    "macro_accuracy",
    "SS",
    "S-IoU",
    "mIoU",
    "oIoU",
    "Pr@0.5",
    "F1@0.5",
    "Acc@0.5",
    "count_error",
    "BLEU-1",
    "BLEU-4",
    "METEOR",
    "ROUGE-L",
    "CIDEr-D",
    "SPICE",
)


def trivial_baselines(
    task: str,
    samples: Sequence[Sample],
    fitted_on: Sequence[Sample],
    prompts: Prompts,
    scorer: Scorer,
) -> dict[str, Baseline]:
    """Named baselines of a task, each saying what it is, scored on the same samples.

    Args:
        task: name of the task.
        samples: what the model was asked.
        fitted_on: samples of the other side of the split, from which constants are taken.
        prompts: the kind of mark.
        scorer: as for the model.
    """

    def scored(predict: Callable[[Sample], Prediction], what: str) -> Baseline:
        outcomes = [scorer.judge(task, sample, predict(sample)) for sample in samples]
        return {"what": what, **headline(task, outcomes, scorer)}

    if task == "segment":
        return {"everything": scored(_everything, "the whole image as the mask")}
    if task == "segment_by_mark":
        what = f"the {prompts} mark itself, filled, as the mask"

        def filled(sample: Sample) -> Prediction:
            return Prediction(mask_HW=_mark_mask(sample, prompts))

        return {"mark": scored(filled, what)}
    if task == "detect":
        return {"whole_image": scored(_one_box, "one box round the whole image for every question")}
    baselines = {"constant": _constant(task, samples, fitted_on, scorer)}
    if task in ("classify_regions", "classify_image"):
        baselines["chance"] = _label_chance(samples, fitted_on, scorer)
    if task == "answer":
        baselines["chance"] = _answer_chance(samples, fitted_on)
    return baselines


def headline(task: str, outcomes: Sequence[Outcome], scorer: Scorer) -> Baseline:
    """The few scores that a baseline is compared by."""
    scores = scorer.score(task, outcomes).scores
    return {name: scores[name] for name in _HEADLINE if name in scores}


def _everything(sample: Sample) -> Prediction:
    shape = (sample.image.height_px, sample.image.width_px)
    return Prediction(mask_HW=np.ones(shape, np.bool_))


def _one_box(sample: Sample) -> Prediction:
    image = sample.image
    return Prediction(boxes=((0.0, 0.0, float(image.width_px), float(image.height_px)),))


def _mark_mask(sample: Sample, prompts: Prompts) -> MaskHW:
    return region_mask(mark_of(sample, prompts), sample.image.height_px, sample.image.width_px)


def region_mask(region: Region, height_px: int, width_px: int) -> MaskHW:
    """What a mark covers, as a mask of the full image."""
    side = -(-max(height_px, width_px) // 4) * 4
    window = Window(0.0, 0.0, float(side))
    raster = rasterise_regions((region,), window, side, width_px, height_px)
    covered_SS = raster.map_KSS.max(axis=0) > 0.5
    return np.asarray(covered_SS[:height_px, :width_px])


def _constant(
    task: str, samples: Sequence[Sample], fitted_on: Sequence[Sample], scorer: Scorer
) -> Baseline:
    """The answer given most often on the other side of the split, for each kind of question."""

    def kind_of(sample: Sample) -> str:
        return sample.label if task == "answer" else ""

    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in fitted_on:
        counted[kind_of(sample)][sample.expected] += 1
    chosen = {kind: counter.most_common(1)[0][0] for kind, counter in counted.items()}
    outcomes = [scorer.judge(task, s, Prediction(text=chosen.get(kind_of(s), ""))) for s in samples]
    what = "always the most frequent answer of the part not evaluated"
    if task == "answer":
        what += ", for each kind of question"
    if task in CAPTION_TASKS:
        what = "always the most frequent caption of the part not evaluated"
    return {"what": what, "answers": chosen, **headline(task, outcomes, scorer)}


def _label_chance(
    samples: Sequence[Sample], fitted_on: Sequence[Sample], scorer: Scorer
) -> Baseline:
    """What a label drawn evenly scores on average; SS of unlike labels is far from 0."""
    labels = sorted({sample.expected for sample in (*samples, *fitted_on)})
    clean = scorer.conventions.clean_truth
    pairs = [(clean(said), clean(s.expected)) for s in samples for said in labels]
    chance: Baseline = {
        "what": f"one of the {len(labels)} labels that occur, drawn evenly",
        "accuracy": 1 / len(labels),
        "S-IoU": float(np.mean([word_overlap(said, true) for said, true in pairs])),
    }
    if not isinstance(scorer.encoder, dict):
        said, true = zip(*pairs, strict=True)
        chance["SS"] = float(cosines(said, true, scorer.encoder.encode).mean())
    return chance


def _answer_chance(samples: Sequence[Sample], fitted_on: Sequence[Sample]) -> Baseline:
    """Drawn evenly from the answers that occur to the kind of question."""
    answers: dict[str, set[str]] = defaultdict(set)
    for sample in (*samples, *fitted_on):
        answers[sample.label].add(sample.expected)
    shares = [1 / len(answers[sample.label]) for sample in samples]
    what = "drawn evenly from the answers that occur to each kind of question"
    return {"what": what, "accuracy": float(np.mean(shares)) if shares else 0.0}
