"""From predictions to the numbers of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from earthgptx.data.instructions.words import plural
from earthgptx.evaluation import metrics
from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.samples import Sample, united_mask
from earthgptx.evaluation.similarity import SentenceEncoder, semantic_similarity

Scores = dict[str, object]
MASK_TASKS = frozenset({"segment", "segment_by_mark"})


@dataclass(frozen=True)
class Outcome:
    """One sample judged; masks are already reduced to (pixels in both, pixels in either)."""

    sample: Sample
    text: str
    overlap_px: tuple[int, int] = (0, 0)
    has_mask: bool = False
    box_counts: tuple[int, int, int] = (0, 0, 0)

    @property
    def is_right(self) -> bool:
        """The words are the expected ones."""
        return metrics.is_match(self.text, self.sample.expected)


def judge(task: str, sample: Sample, prediction: Prediction) -> Outcome:
    """Compare one prediction with its truth; nothing predicted is wrong, not left out."""
    if task in MASK_TASKS:
        truth_HW = united_mask(sample.image, sample.mask_objects)
        drawn_HW = prediction.mask_HW
        has_mask = drawn_HW is not None
        if drawn_HW is None:
            drawn_HW = np.zeros_like(truth_HW)
        overlap = metrics.mask_overlap_px(drawn_HW, truth_HW)
        return Outcome(sample, prediction.text, overlap, has_mask)
    if task == "detect":
        matched = metrics.matched_boxes(prediction.boxes, sample.boxes)
        counts = (matched, len(prediction.boxes), len(sample.boxes))
        return Outcome(sample, prediction.text, box_counts=counts)
    return Outcome(sample, prediction.text)


def score(task: str, outcomes: Sequence[Outcome], encoder: SentenceEncoder | None) -> Scores:
    """The metrics of a task over all outcomes."""
    if task in MASK_TASKS:
        scores: Scores = dict(metrics.mask_scores([o.overlap_px for o in outcomes]))
        scores["without_mask"] = sum(not o.has_mask for o in outcomes)
        return scores
    if task == "detect":
        return dict(metrics.detection_scores([o.box_counts for o in outcomes]))
    if task == "caption":
        return _caption_scores(outcomes, encoder)
    scores = dict(metrics.accuracy_scores([o.is_right for o in outcomes]))
    if task == "answer":
        return {**scores, **_answer_scores(outcomes)}
    scores["macro_accuracy"] = _mean(
        [_mean([o.is_right for o in group]) for group in by_label(outcomes).values()]
    )
    scores["S-IoU"] = _mean([metrics.word_overlap(o.text, o.sample.expected) for o in outcomes])
    scores["SS"] = _similarity(outcomes, encoder)
    return scores


def _similarity(outcomes: Sequence[Outcome], encoder: SentenceEncoder | None) -> float | str:
    said = [metrics.normalised(o.text) for o in outcomes]
    return semantic_similarity(said, [o.sample.expected for o in outcomes], encoder)


def _answer_scores(outcomes: Sequence[Outcome]) -> Scores:
    """|count - truth| over count questions; an answer that is no number is as far off as can be."""
    errors = []
    for outcome in outcomes:
        if outcome.sample.label == "count":
            said = metrics.normalised(outcome.text)
            true = int(outcome.sample.expected)
            errors.append(abs(int(said) - true) if said.isdecimal() else max(true, 9 - true))
    return {"count_error": _mean(errors)} if errors else {}


def _caption_scores(outcomes: Sequence[Outcome], encoder: SentenceEncoder | None) -> Scores:
    """Overlap with the template's caption, and which classes of things are named rightly."""
    named, right, true = 0, 0, 0
    for outcome in outcomes:
        image = outcome.sample.image
        known = image.exhaustive | {thing.label for thing in image.objects}
        present = {thing.label for thing in image.objects if not thing.stuff}
        said = {label for label in known if _names(outcome.text, label)}
        said -= {thing.label for thing in image.objects if thing.stuff}
        named, right, true = named + len(said), right + len(said & present), true + len(present)
    return {
        "S-IoU": _mean([metrics.word_overlap(o.text, o.sample.expected) for o in outcomes]),
        "SS": _similarity(outcomes, encoder),
        "naming_precision": right / named if named else 0.0,
        "naming_recall": right / true if true else 0.0,
        "scene_named": _mean([_names(o.text, o.sample.label) for o in outcomes]),
    }


def _names(text: str, label: str) -> bool:
    words = f" {metrics.normalised(text).replace(',', ' ').replace('.', ' ')} "
    words = " ".join(words.split()).join("  ")
    return f" {label} " in words or f" {plural(label)} " in words


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else 0.0


def by_label(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes of each class or kind of question."""
    return _grouped(outcomes, lambda outcome: outcome.sample.label)


def by_modality(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes of each sensor."""
    return _grouped(outcomes, lambda outcome: outcome.sample.image.modality)


def _grouped(
    outcomes: Sequence[Outcome], key: Callable[[Outcome], str]
) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome)].append(outcome)
    return dict(sorted(groups.items()))
