"""Every format is evaluated; where a dataset has questions of its own, those are asked."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earthgptx.data.coco_folder import DataError
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.records import InstructionRecord
from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.command import evaluate
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.evaluate import Report, evaluate_dataset
from earthgptx.evaluation.output import sample_lines
from earthgptx.evaluation.preparation import CannotEvaluate, Job, prepare
from earthgptx.evaluation.prompts import regions_of
from earthgptx.evaluation.record_samples import record_samples, tasks_of
from earthgptx.evaluation.samples import TASKS
from earthgptx.evaluation.scoring import Scorer
from earthgptx.imagery.marks import BoxMark, PointMark, PolygonMark, Region, mark_kind
from earthgptx.model.pipeline import EarthGptX
from tests.earthgptx.data.adapters.samples import SAMPLES
from tests.earthgptx.evaluation import scene_sets
from tests.earthgptx.evaluation.answerers import HEADLINE, Knowing, Letters, told

SCORER = Scorer(Conventions(), Letters())
REGIONS = {"classify_regions", "caption_regions", "caption_regions_detailed"}
BOXES = REGIONS | {"detect", "answer"}
MASKS = BOXES | {"segment", "segment_by_mark"}
SCENES = {"classify_image", "caption"}
# Tasks of each format's sample, and those of them that it asks in words of its own.
SERVED: dict[str, tuple[set[str], set[str]]] = {
    "dior_rsvg": (BOXES, {"classify_regions", "detect", "caption_regions"}),
    "rrsis_d": (MASKS - {"detect"}, {"classify_regions", "segment", "caption_regions"}),
    "refsegrs": ({"segment"}, {"segment"}),
    "rsicd": ({"caption"}, {"caption"}),
    "ucm_captions": ({"caption"}, {"caption"}),
    "sydney_captions": ({"caption"}, {"caption"}),
    "rsvqa_lr": ({"answer"}, {"answer"}),
    "rsvqa_hr": ({"answer"}, {"answer"}),
    "dior": (BOXES, set()),
    "dota": (BOXES, set()),
    "ssdd": (MASKS, set()),
    "msar": (BOXES, set()),
    "hit_uav": (BOXES, set()),
    "hrsid": (MASKS, set()),
    "sardet_100k": (BOXES, set()),
    "coco": (BOXES | {"segment_by_mark"}, set()),
    "resisc45": (SCENES, set()),
    "aid": (SCENES, set()),
    "eurosat": (SCENES, set()),
    "ucmerced": (SCENES, set()),
    "folders": (SCENES, set()),
    "mmrs_1m": ({"detect", "caption_regions"}, {"detect", "caption_regions"}),
    "rsvp": ({"answer"}, {"answer"}),
    "jsonl": ({"answer", "segment", "detect"}, {"answer", "segment", "detect"}),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_who_knows_the_truth_scores_one_on_every_format(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name](tmp_path)
    served, own = SERVED[name]
    for task in TASKS:
        job = Job(path, task, split="all")
        if task not in served:
            with pytest.raises(CannotEvaluate, match=f"no sample for {task} .* it serves"):
                prepare(job)
            continue
        assert prepare(job).own_questions == (task in own)
        knowing = Knowing()
        evaluation = evaluate_dataset(job, knowing, SCORER, told(knowing))
        metrics = evaluation.report["metrics"]
        assert isinstance(metrics, dict)
        # Captions of scene folders are too short for four words in a row.
        score = "ROUGE-L" if task == "caption" else HEADLINE[task]
        assert metrics[score] == pytest.approx(1.0)
        assert all(json.dumps(line) for line in sample_lines(evaluation))


# ------------------------------------------------------------------------------- trained weights


@pytest.fixture(scope="module")
def model() -> EarthGptX:
    return EarthGptX.load(Path("weights/nano"))


def report_of(model: EarthGptX, path: Path, task: str, prompts: str | None = None) -> Report:
    job = Job(path, task, prompts, "all" if task == "classify_image" else None)  # type: ignore[arg-type]
    return evaluate_dataset(job, model, SCORER, lambda samples, _: samples).report


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("make", "task", "metric", "baseline"),
    [
        (scene_sets.resisc45, "classify_image", "accuracy", "constant"),
        (scene_sets.rsicd, "caption", "ROUGE-L", "constant"),
        (scene_sets.rrsis_d, "segment", "mIoU", "everything"),
        (scene_sets.dior_rsvg, "detect", "Acc@0.5", "whole_image"),
        (scene_sets.dior_rsvg, "classify_regions", "accuracy", "chance"),
    ],
)
def test_trained_weights_beat_the_baseline_on_scenes_in_a_public_layout(
    make: Callable[[Path], Path], task: str, metric: str, baseline: str, tmp_path: Path,
    model: EarthGptX,
) -> None:  # fmt: skip
    report = report_of(model, make(tmp_path), task)
    assert report["metrics"][metric] > report["baselines"][baseline][metric] + 0.1  # type: ignore[index]


def test_questions_and_answers_are_scored_in_all_and_by_their_kind(
    tmp_path: Path, model: EarthGptX
) -> None:
    report = report_of(model, scene_sets.rsvqa_lr(tmp_path), "answer")
    per_kind = report["per_class"]
    assert isinstance(per_kind, dict) and set(per_kind) == {"presence", "count"}
    right = sum(row["samples"] * row["accuracy"] for row in per_kind.values())
    assert report["split"] == "test"
    constant = report["baselines"]["constant"]["accuracy"]  # type: ignore[index]
    assert right / report["samples"] > constant + 0.1  # type: ignore[operator]
    assert report["metrics"]["accuracy"] == pytest.approx(right / report["samples"])  # type: ignore[index,operator]


# ---------------------------------------------------------------------------------------- splits


def test_the_test_split_is_evaluated_and_constants_come_from_train(tmp_path: Path) -> None:
    prepared = prepare(Job(scene_sets.rsvqa_lr(tmp_path), "answer"))
    assert prepared.split == "test" and "from train" in prepared.split_note
    evaluated = {sample.image.image_id for sample in prepared.samples}
    assert len(evaluated) == 2
    assert evaluated.isdisjoint(sample.image.image_id for sample in prepared.rest)


def test_without_train_at_hand_the_report_says_where_constants_come_from(tmp_path: Path) -> None:
    path = scene_sets.rsvqa_lr(tmp_path)
    (path / "LR_split_train_questions.json").unlink()
    prepared = prepare(Job(path, "answer"))
    assert "from the same questions (" in prepared.split_note
    assert {s.key for s in prepared.rest} == {s.key for s in prepared.samples}


def test_an_empty_train_gives_no_constants(tmp_path: Path) -> None:
    prepared = prepare(Job(scene_sets.dior_rsvg(tmp_path), "classify_regions"))
    assert prepared.rest and "from the same questions" in prepared.split_note


def test_a_split_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = SAMPLES["dota"](tmp_path)
    with pytest.raises(DataError, match=r"no split 'test' \(there: train, val, all\)"):
        prepare(Job(path, "detect", split="test"))
    assert prepare(Job(path, "detect")).split == "val"


def test_what_its_makers_did_not_divide_is_divided_as_in_training(tmp_path: Path) -> None:
    path = SAMPLES["resisc45"](tmp_path)
    with pytest.raises(DataError, match=r"there: val, all"):
        prepare(Job(path, "classify_image", split="test"))
    prepared = prepare(Job(path, "classify_image"))
    assert prepared.split == "val" and len(prepared.samples) + len(prepared.rest) == 3


# ----------------------------------------------------------------------------------------- records


def image() -> LabelledImage:
    def pixels() -> np.ndarray:  # type: ignore[type-arg]
        return np.zeros((60, 80, 3), np.uint8)

    return LabelledImage("set/1", "set", "CC0-1.0", "optical", 80, 60, pixels)


def record(number: int, task: str, answer: str, *marks: Region) -> InstructionRecord:
    return InstructionRecord(f"set/{number}", image(), task, "what is it?", answer, marks=marks)


BOX = Region((BoxMark(10.0, 10.0, 40.0, 30.0),))
OUTLINE = Region((PolygonMark(((10.0, 10.0), (40.0, 10.0), (10.0, 30.0))),))
CLICKS = Region((PointMark(20.0, 15.0), PointMark(22.0, 16.0)))


def test_captions_of_one_image_are_references_of_one_sample() -> None:
    (sample,) = record_samples(
        [record(n, "caption", text) for n, text in enumerate(("a port", "a harbor", "a port"))],
        "caption",
    )
    assert sample.references == ("a port", "a harbor")
    judged = SCORER.judge("caption", sample, Prediction("a harbor"))
    scores = SCORER.score("caption", [judged]).scores
    assert scores["S-IoU"] == 1.0 and scores["SS"] == pytest.approx(1.0)


def test_captions_of_different_regions_are_different_samples() -> None:
    records = [
        record(0, "region_caption", "a ship", BOX),
        record(1, "region_caption", "a grey ship", BOX),
        record(2, "region_caption", "a pier", OUTLINE),
    ]
    assert sorted(len(s.references) for s in record_samples(records, "caption_regions")) == [1, 2]


def test_what_records_are_scored_by() -> None:
    assert tasks_of(record(0, "question", "yes")) == ("answer",)
    assert tasks_of(record(0, "refer_class", "ship", BOX)) == ("classify_regions",)
    assert tasks_of(record(0, "classification", "harbor")) == ("classify_image",)
    place = InstructionRecord(
        "set/0", image(), "grounded", "where?", "[SEG] at [BOX]",
        masks=(None,), boxes=(((0.0, 0.0, 9.0, 9.0),),),
    )  # fmt: skip
    # Where the dataset does not tell the mask, only the box can be wrong.
    assert tasks_of(place) == ("detect",)


def test_marks_of_the_dataset_are_drawn_as_they_are_or_anew() -> None:
    for own in (BOX, OUTLINE):
        (sample,) = record_samples([record(0, "refer_class", "ship", own)], "classify_regions")
        assert regions_of(sample, "own") == (own,)
        (redrawn,) = regions_of(sample, "scribble")
        assert {mark_kind(mark) for mark in redrawn.marks} == {"scribble"}
        (mixed,) = regions_of(sample, "mixed")
        assert 2 <= len({mark_kind(mark) for mark in mixed.marks}) <= 3


def test_clicks_and_several_regions_are_never_drawn_anew() -> None:
    for marks in ((CLICKS,), (BOX, OUTLINE)):
        (sample,) = record_samples([record(0, "question", "a ship", *marks)], "answer")
        assert regions_of(sample, "box") == marks


def test_a_count_in_words_is_right_or_wrong_but_no_number() -> None:
    (sample,) = record_samples([record(0, "count", "more than 1000")], "answer")
    scores = SCORER.score("answer", [SCORER.judge("answer", sample, Prediction("3"))]).scores
    assert scores["accuracy"] == 0.0 and "count_error" not in scores


def test_several_by_one_question_would_not_be_the_question_of_the_dataset(tmp_path: Path) -> None:
    path = SAMPLES["dior_rsvg"](tmp_path)
    with pytest.raises(CannotEvaluate, match="words of its own"):
        prepare(Job(path, "classify_regions", split="train", together=4))


# ---------------------------------------------------------------------------------------- command


def test_nonsense_is_refused_with_exit_code_2_before_weights_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = ["--weights", str(tmp_path / "nowhere")]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert evaluate([str(empty), "--task", "answer", *nowhere]) == 2
    assert "no known format" in capsys.readouterr().err
    path = str(SAMPLES["rsvqa_lr"](tmp_path / "rsvqa"))
    assert evaluate([path, "--task", "segment", *nowhere]) == 2
    assert "it serves answer" in capsys.readouterr().err
    assert evaluate([path, "--task", "answer", "--format", "rsicd", *nowhere]) == 2
    assert "dataset.json" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evaluate([path, "--task", "prophesy"])
