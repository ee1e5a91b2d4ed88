"""A crop classifier and a crop captioner: what needs neither marks, surroundings nor words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.baselines import Baseline, headline
from earthgptx.evaluation.crop_network import CropBudget, CropNetwork, learn_crops
from earthgptx.evaluation.evaluate import Evaluation
from earthgptx.evaluation.samples import Sample
from earthgptx.evaluation.scoring import Scorer

# The baseline's name for each task that has one.
CROP_BASELINES = {
    "classify_regions": "crop_classifier",
    "classify_image": "crop_classifier",
    "caption_regions": "crop_captioner",
    "caption_regions_detailed": "crop_captioner",
}
_MOST_REMEMBERED = 3000


def add_crop_baseline(
    evaluation: Evaluation,
    cache_dir: Path,
    budget: CropBudget,
    scorer: Scorer,
    say: Callable[[str], None],
) -> None:
    """Adds the task's crop baseline to the report; nothing where the task has none."""
    task, prepared = evaluation.job.task, evaluation.prepared
    if task in CROP_BASELINES:
        baselines = evaluation.report["baselines"]
        assert isinstance(baselines, dict)
        baselines[CROP_BASELINES[task]] = crop_baseline(
            task, prepared.samples, prepared.rest, cache_dir, budget, scorer, say
        )


def crop_baseline(
    task: str,
    samples: Sequence[Sample],
    fitted_on: Sequence[Sample],
    cache_dir: Path,
    budget: CropBudget,
    scorer: Scorer,
    say: Callable[[str], None],
) -> Baseline:
    """Scores of the task's crop baseline on the same samples as the model's.

    The captioner repeats a caption it has seen: of the training crops of the predicted class, that
    whose features are nearest by cosine. So it knows class and look of the crop, and not where in
    the image it lies.

    Args:
        task: a key of ``CROP_BASELINES``.
        samples: what the model was asked.
        fitted_on: samples of the part that is not evaluated.
        cache_dir: where trained weights are kept.
        budget: how much is learnt.
        scorer: as for the model.
        say: told when something is trained.
    """
    learnt = learn_crops(fitted_on, cache_dir, budget, say)
    if learnt is None:
        return {"what": "crop network", "unavailable": "fewer than two classes to learn"}
    if CROP_BASELINES[task] == "crop_captioner":
        said, what = _nearest_captions(learnt, samples), "nearest caption by " + learnt.what
    else:
        chosen_N = learnt.look(samples)[0].argmax(1)
        said, what = [learnt.labels[i] for i in chosen_N.tolist()], learnt.what
    outcomes = [
        scorer.judge(task, sample, Prediction(text=text))
        for sample, text in zip(samples, said, strict=True)
    ]
    return {"what": what, **headline(task, outcomes, scorer)}


def _nearest_captions(learnt: CropNetwork, samples: Sequence[Sample]) -> list[str]:
    every = max(1, -(-len(learnt.seen) // _MOST_REMEMBERED))
    remembered = learnt.seen[::every]
    _, known_MD = learnt.look(remembered)
    logits_NC, features_ND = learnt.look(samples)
    classes_M = torch.tensor([learnt.labels.index(sample.label) for sample in remembered])
    likeness_NM = features_ND @ known_MD.T
    same_NM = logits_NC.argmax(1, keepdim=True) == classes_M
    nearest_N = torch.where(same_NM, likeness_NM, likeness_NM - 2).argmax(1)
    return [remembered[i].expected for i in nearest_N.tolist()]
