"""From predictions to the numbers of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.box_scores import BoxCounts, BoxXyxyPx, add_box_scores, count_boxes
from earthgptx.evaluation.caption_naming import add_naming_scores
from earthgptx.evaluation.captions.scores import add_caption_scores
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.intervals import Resamples, ratio_of_sums
from earthgptx.evaluation.label_text import is_match, normalised, word_overlap
from earthgptx.evaluation.mask_scores import OverlapPx, add_mask_scores, mask_overlap_px
from earthgptx.evaluation.samples import CAPTION_TASKS, MASK_TASKS, Sample, united_mask
from earthgptx.evaluation.similarity import SentenceEncoder, cosines
from earthgptx.evaluation.tally import Tally, Unavailable
from earthgptx.imagery.masks import encode_rle

# (height, width, counts) of imagery.masks
RunLengths = tuple[int, int, str]
_NO_BOXES = BoxCounts(0, 0, 0, False)
_MOST_COUNTED = 9


@dataclass(frozen=True)
class Outcome:
    """One sample judged.

    Attributes:
        text: what was said.
        mask: what was drawn, as (height, width, run-length code); None if nothing was.
        boxes_xyxy_px: what was found.
        overlap_px: of mask and truth, at the size at which masks are compared.
    """

    sample: Sample
    text: str = ""
    mask: RunLengths | None = None
    boxes_xyxy_px: tuple[BoxXyxyPx, ...] = ()
    overlap_px: OverlapPx = (0, 0)
    box_counts: BoxCounts = _NO_BOXES

    @property
    def is_right(self) -> bool:
        """The words are right ones."""
        return any(is_match(self.text, words) for words in self.sample.references)


@dataclass(frozen=True)
class Scorer:
    """How a list of outcomes becomes scores.

    Attributes:
        conventions: edge cases.
        encoder: for SS; else why there is none.
        java: also METEOR and SPICE.
        intervals: with 95 % intervals.
    """

    conventions: Conventions
    encoder: SentenceEncoder | Unavailable
    java: bool = False
    intervals: bool = False

    @property
    def briefly(self) -> Scorer:
        """Without what takes long: for tables of many rows."""
        return replace(self, encoder={"unavailable": "left out"}, java=False, intervals=False)

    def judge(self, task: str, sample: Sample, prediction: Prediction) -> Outcome:
        """Compare one prediction with its truth; nothing predicted is wrong, not left out."""
        said = Outcome(sample, prediction.text, boxes_xyxy_px=prediction.boxes)
        if task == "detect":
            counts = count_boxes(prediction.boxes, sample.boxes, self.conventions)
            return replace(said, box_counts=counts)
        if task not in MASK_TASKS:
            return said
        truth_HW = united_mask(sample.image, sample.mask_objects)
        drawn_HW = prediction.mask_HW
        mask = None if drawn_HW is None else encode_rle(drawn_HW)
        if drawn_HW is None:
            drawn_HW = np.zeros_like(truth_HW)
        shown = self.conventions.shown
        return replace(
            said, mask=mask, overlap_px=mask_overlap_px(shown(drawn_HW), shown(truth_HW))
        )

    def score(self, task: str, outcomes: Sequence[Outcome]) -> Tally:
        """The metrics of a task over all outcomes; none for no outcomes."""
        if not outcomes:
            return Tally()
        images = [outcome.sample.image.image_id for outcome in outcomes]
        tally = Tally(Resamples(images) if self.intervals else None)
        if task in MASK_TASKS:
            add_mask_scores(tally, [o.overlap_px for o in outcomes], self.conventions)
            tally.put("without_mask", sum(o.mask is None for o in outcomes))
        elif task == "detect":
            add_box_scores(tally, [o.box_counts for o in outcomes])
        elif task in CAPTION_TASKS:
            self._add_captions(tally, task, outcomes)
        elif task == "answer":
            tally.share("accuracy", [o.is_right for o in outcomes])
            _add_macro_accuracy(tally, outcomes)
            _add_count_error(tally, outcomes)
        else:
            tally.share("accuracy", [o.is_right for o in outcomes])
            _add_macro_accuracy(tally, outcomes)
            self._add_text_scores(tally, outcomes)
        return tally

    def _add_captions(self, tally: Tally, task: str, outcomes: Sequence[Outcome]) -> None:
        said = [o.text for o in outcomes]
        add_caption_scores(tally, said, [o.sample.references for o in outcomes], self.java)
        self._add_text_scores(tally, outcomes)
        if task == "caption" and all(o.sample.image.scene for o in outcomes):
            add_naming_scores(tally, [(o.sample, o.text) for o in outcomes])

    def _add_text_scores(self, tally: Tally, outcomes: Sequence[Outcome]) -> None:
        """SS and S-IoU, with the nearest of several references."""
        of_sample = [o.sample.references for o in outcomes]
        starts_N = np.cumsum([0, *map(len, of_sample[:-1])])
        said = [
            self.conventions.clean_prediction(o.text) for o in outcomes for _ in o.sample.references
        ]
        true = [self.conventions.clean_truth(words) for group in of_sample for words in group]
        if isinstance(self.encoder, dict):
            tally.put("SS", self.encoder)
        else:
            likeness = cosines(said, true, self.encoder.encode)
            tally.mean("SS", np.maximum.reduceat(likeness, starts_N))
        overlaps = [word_overlap(s, t) for s, t in zip(said, true, strict=True)]
        tally.mean("S-IoU", np.maximum.reduceat(overlaps, starts_N))


def _add_macro_accuracy(tally: Tally, outcomes: Sequence[Outcome]) -> None:
    """The mean of the accuracies of classes, or of kinds of question (RSVQA's average accuracy)."""
    labels = sorted({o.sample.label for o in outcomes})
    statistics_NK = np.zeros((len(outcomes), 2 * len(labels)))
    for row, outcome in zip(statistics_NK, outcomes, strict=True):
        column = labels.index(outcome.sample.label)
        row[column], row[len(labels) + column] = outcome.is_right, 1

    def mean_over_classes(sums: np.ndarray) -> np.ndarray:
        right, asked = np.split(sums, 2, axis=-1)
        return np.nanmean(ratio_of_sums(np.stack([right, asked], -1)), axis=-1)

    tally.of_sums("macro_accuracy", statistics_NK, mean_over_classes)


def _add_count_error(tally: Tally, outcomes: Sequence[Outcome]) -> None:
    """Mean |said - true| over count questions; no number is as far off as can be."""
    errors_N, asked_N = np.zeros(len(outcomes)), np.zeros(len(outcomes))
    for i, outcome in enumerate(outcomes):
        # A dataset may give a count in words, or a range of it.
        if outcome.sample.label == "count" and outcome.sample.expected.isdecimal():
            said, true = normalised(outcome.text), int(outcome.sample.expected)
            furthest = max(true, _MOST_COUNTED - true)
            errors_N[i] = abs(int(said) - true) if said.isdecimal() else furthest
            asked_N[i] = 1
    if asked_N.any():
        tally.ratio("count_error", errors_N, asked_N)


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
