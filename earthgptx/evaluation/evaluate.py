"""One task on one dataset: ask, judge, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from earthgptx.evaluation.answerer import Answerer, Prediction, ask_each, ask_together
from earthgptx.evaluation.baselines import trivial_baselines
from earthgptx.evaluation.confusion import confusions
from earthgptx.evaluation.preparation import Job, Prepared, prepare
from earthgptx.evaluation.prompts import Prompts
from earthgptx.evaluation.samples import CAPTION_TASKS, Sample
from earthgptx.evaluation.scoring import Outcome, Scorer, by_label, by_modality
from earthgptx.evaluation.tally import Tally
from earthgptx.evaluation.tiles import detect_in_tiles

Report = dict[str, object]
Progress = Callable[[Iterable[Sample], int], Iterable[Sample]]
_FEW = 50


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation: the report, and what it was made from."""

    job: Job
    report: Report
    prepared: Prepared
    outcomes: list[Outcome]
    tally: Tally


def evaluate_dataset(
    job: Job, answerer: Answerer, scorer: Scorer, progress: Progress
) -> Evaluation:
    """Prepares and evaluates; see ``prepare`` for what is refused."""
    return evaluate_samples(job, prepare(job), answerer, scorer, progress)


def evaluate_samples(
    job: Job, prepared: Prepared, answerer: Answerer, scorer: Scorer, progress: Progress
) -> Evaluation:
    """Ask everything and put the report together."""
    samples, prompts = prepared.samples, prepared.prompts
    started = time.monotonic()
    outcomes = [
        scorer.judge(job.task, sample, prediction)
        for sample, prediction in zip(
            samples,
            _predictions(job, prompts, answerer, progress(samples, len(samples))),
            strict=True,
        )
    ]
    tally = scorer.score(job.task, outcomes)
    report: Report = {
        "task": job.task,
        "dataset": job.path.resolve().name,
        "prompts": prompts if _are_marked(samples) else None,
        "split": prepared.split,
        "split_note": prepared.split_note,
        "samples": len(outcomes),
        "images": len({outcome.sample.image.image_id for outcome in outcomes}),
        "conventions": scorer.conventions.told(),
        "metrics": tally.scores,
        "intervals_95": {name: list(ends) for name, ends in tally.intervals.items()},
        "per_class": _table(job.task, by_label(outcomes), scorer.briefly),
        "per_modality": _table(job.task, by_modality(outcomes), scorer.briefly),
        "baselines": trivial_baselines(job.task, samples, prepared.rest, prompts, scorer),
        "notes": _notes(job, prepared),
        "seconds": time.monotonic() - started,
    }
    if job.task.startswith("classify"):
        report["confusions"] = confusions(outcomes)
    return Evaluation(job, report, prepared, outcomes, tally)


def _are_marked(samples: Sequence[Sample]) -> bool:
    return any(sample.marked is not None or sample.own_regions for sample in samples)


def _predictions(
    job: Job, prompts: Prompts, answerer: Answerer, samples: Iterable[Sample]
) -> Iterable[Prediction]:
    if job.task == "detect" and job.tile_px:
        yield from detect_in_tiles(answerer, samples, job.tile_px)
        return
    if job.task != "classify_regions" or job.together < 2:
        yield from ask_each(answerer, job.task, samples, prompts)
        return
    for _, of_image in groupby(samples, key=lambda sample: sample.image.image_id):
        group = list(of_image)
        for start in range(0, len(group), job.together):
            yield from ask_together(answerer, group[start : start + job.together], prompts)


def _table(task: str, groups: dict[str, list[Outcome]], scorer: Scorer) -> dict[str, object]:
    kept = ("accuracy", "mIoU", "oIoU", "F1@0.5", "S-IoU", "ROUGE-L", "count_error")
    table: dict[str, object] = {}
    for name, group in groups.items():
        scores = {k: v for k, v in scorer.score(task, group).scores.items() if k in kept}
        table[name] = {"samples": len(group), **scores}
    return table


def _notes(job: Job, prepared: Prepared) -> list[str]:
    samples = prepared.samples
    notes = ["greedy decoding; a missing or malformed answer counts as wrong"]
    notes += (
        _notes_on_own(prepared) if prepared.own_questions else _notes_on_templates(job, samples)
    )
    if job.task in CAPTION_TASKS and len(samples) < _FEW:
        notes.append("CIDEr-D takes its weights from the evaluated references: few say little")
    if job.tile_px:
        notes.append(f"searched in tiles of {job.tile_px} px, as scenes are")
    marked = [] if prepared.prompts == "own" else [s for s in samples if s.marked is not None]
    if any(s.image.objects[s.marked or 0].mask is None for s in marked):
        notes.append("objects without a mask are marked by way of their filled box")
    return notes


def _notes_on_own(prepared: Prepared) -> list[str]:
    notes = ["questions and truth are the dataset's own"]
    kept = sum(bool(s.own_regions) and s.marked is None for s in prepared.samples)
    if kept and prepared.prompts != "own":
        notes.append(
            f"{kept} questions keep the dataset's marks: they are about several regions, or their "
            "marks do not outline the thing"
        )
    return notes


def _notes_on_templates(job: Job, samples: Sequence[Sample]) -> list[str]:
    notes = []
    if job.task in CAPTION_TASKS or job.task in ("segment", "answer"):
        notes.append(
            "questions and truth are made from labels by templates: this measures agreement "
            "with the templates, not understanding of language"
        )
    if job.task == "detect":
        notes.append("classes of which every instance is annotated, and one absent class an image")
    if job.task == "segment" and not all(map(_is_complete, samples)):
        notes.append(
            "some classes are not annotated throughout: masks of what is not annotated count as "
            "wrong, so the score is a lower bound"
        )
    return notes


def _is_complete(sample: Sample) -> bool:
    image = sample.image
    things = [image.objects[index] for index in sample.mask_objects]
    return all(thing.stuff or thing.label in image.exhaustive for thing in things)
