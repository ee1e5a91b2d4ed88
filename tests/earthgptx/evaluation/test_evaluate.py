"""A fake that knows the truth must score 1, one that says nothing 0."""

import json
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.evaluation.answerer import ask_each
from earthgptx.evaluation.baselines import region_mask, trivial_baselines
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.crop_baselines import crop_baseline
from earthgptx.evaluation.crop_network import CropBudget
from earthgptx.evaluation.evaluate import Evaluation, evaluate_dataset
from earthgptx.evaluation.output import rounded, write_evaluation
from earthgptx.evaluation.preparation import CannotEvaluate, Job, prepare
from earthgptx.evaluation.prompts import PROMPTS, mark_of
from earthgptx.evaluation.samples import TASKS, make_samples, united_mask
from earthgptx.evaluation.scoring import Scorer
from tests.earthgptx.evaluation.answerers import HEADLINE, Knowing, Letters, Silent, told

SCENES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes")
    modalities = ("optical", "sar", "infrared")
    scenes = [generate_scene(40 + n, 128).labelled(modalities[n % 3]) for n in range(SCENES)]
    assert write_coco_folder(scenes, out) == SCENES
    return out


SCORER = Scorer(Conventions(), Letters(), intervals=True)


def _run(job: Job, answerer: Knowing | Silent) -> Evaluation:
    return evaluate_dataset(job, answerer, SCORER, told(answerer))


@pytest.mark.parametrize("task", TASKS)
def test_who_knows_the_truth_scores_one_and_silence_scores_zero(folder: Path, task: str) -> None:
    job = Job(folder, task, "box", "all", limit=20)
    report = _run(job, Knowing()).report
    metrics = report["metrics"]
    assert metrics[HEADLINE[task]] == pytest.approx(1.0)
    assert report["samples"] == min(20, len(prepare(Job(folder, task, "box", "all")).samples))
    assert sum(row["samples"] for row in report["per_class"].values()) == report["samples"]
    assert sum(row["samples"] for row in report["per_modality"].values()) == report["samples"]
    assert all(baseline["what"] for baseline in report["baselines"].values())
    assert HEADLINE[task] in report["intervals_95"]
    json.dumps(rounded(report))
    silent = _run(job, Silent()).report["metrics"]
    assert silent[HEADLINE[task]] == pytest.approx(0.0, abs=1e-6)


def test_regions_asked_together_score_as_those_asked_alone(folder: Path) -> None:
    job = Job(folder, "classify_regions", "box", "all", limit=30, together=4)
    assert _run(job, Knowing()).report["metrics"]["accuracy"] == 1.0
    assert _run(job, Silent()).report["metrics"]["accuracy"] == 0.0


def test_without_the_encoder_ss_is_unavailable_and_the_rest_is_scored(folder: Path) -> None:
    missing = {"unavailable": "no weights"}
    job = Job(folder, "classify_regions", "box", "all", limit=5)
    metrics = evaluate_dataset(
        job, Silent(), Scorer(Conventions(), missing), lambda samples, _: samples
    ).report["metrics"]
    assert metrics["SS"] == missing
    assert metrics["S-IoU"] == 0.0


def test_only_the_labels_asked_for_are_asked(folder: Path) -> None:
    samples = prepare(Job(folder, "answer", split="all", only=("count",))).samples
    assert {sample.label for sample in samples} == {"count"}


@pytest.mark.parametrize("task", ["classify_regions", "segment", "detect", "caption_regions"])
def test_everything_is_written_and_the_same_twice(folder: Path, tmp_path: Path, task: str) -> None:
    for name in ("one", "two"):
        evaluation = _run(Job(folder, task, "box", "all", limit=6), Silent())
        evaluation.report["seconds"] = 0.0
        write_evaluation(evaluation, tmp_path / name, "nobody")
    names = {"samples.jsonl", "report.json", "table.md", "worst.png"}
    names |= {"confusion.png"} if task.startswith("classify") else set()
    assert {path.name for path in (tmp_path / "one").iterdir()} == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    lines = [json.loads(t) for t in (tmp_path / "one" / "samples.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    assert all(line["said"] == "" and line["image"] for line in lines)


@pytest.mark.parametrize("prompts", [name for name in PROMPTS if name != "own"])
def test_marks_lie_on_what_they_mark(folder: Path, prompts: str) -> None:
    samples = prepare(Job(folder, "classify_regions", prompts, "all")).samples[:10]  # type: ignore[arg-type]
    for sample in samples:
        image = sample.image
        assert sample.marked is not None
        truth = united_mask(image, (sample.marked,))
        region = mark_of(sample, prompts)  # type: ignore[arg-type]
        assert region == mark_of(sample, prompts)  # type: ignore[arg-type]
        covered = region_mask(region, image.height_px, image.width_px)
        assert (covered & truth).any() or prompts in ("point", "scribble")


def test_the_mask_itself_is_no_mark_to_find_the_mask_by(folder: Path) -> None:
    with pytest.raises(CannotEvaluate, match="is what segment_by_mark is to find"):
        prepare(Job(folder, "segment_by_mark", "mask", "all"))


def test_labels_have_no_marks_of_their_own(folder: Path) -> None:
    with pytest.raises(CannotEvaluate, match="no marks of its own for classify_regions"):
        prepare(Job(folder, "classify_regions", "own", "all"))


def test_the_limit_takes_the_same_first_samples_and_order_mixes_images(folder: Path) -> None:
    many = prepare(Job(folder, "classify_regions", split="all")).samples
    few = prepare(Job(folder, "classify_regions", split="all", limit=5)).samples
    again = prepare(Job(folder, "classify_regions", split="all", limit=5)).samples
    fewer = prepare(Job(folder, "classify_regions", split="all", limit=4)).samples
    assert [s.key for s in few] == [s.key for s in again]
    assert {s.key for s in fewer} < {s.key for s in few} < {s.key for s in many}
    assert len({s.image.image_id for s in few}) > 1


def test_evaluated_images_are_not_those_the_constants_come_from(folder: Path) -> None:
    prepared = prepare(Job(folder, "classify_regions", split="val"))
    evaluated = {sample.image.image_id for sample in prepared.samples}
    assert evaluated and evaluated.isdisjoint(s.image.image_id for s in prepared.rest)


def test_of_a_place_alone_only_its_images_are_asked_about(tmp_path: Path) -> None:
    scenes = [generate_scene(60 + n, 128).labelled("sar") for n in range(10)]
    places = [replace(each, group=f"place {n % 5}") for n, each in enumerate(scenes)]
    write_coco_folder(places, tmp_path)
    (place,) = {s.image.group for s in prepare(Job(tmp_path, "detect", split="val")).samples}
    prepared = prepare(Job(tmp_path, "detect", split="val", groups=(str(place),)))
    assert prepared.split_note.endswith(f"of {place} alone")
    some = prepare(Job(tmp_path, "detect", split="all", groups=("place 1", "place 3"))).samples
    assert {s.image.group for s in some} == {"place 1", "place 3"}
    with pytest.raises(CannotEvaluate, match="no 'atlantis'; there are place 0, place 1, place 2"):
        prepare(Job(tmp_path, "detect", split="all", groups=("atlantis",)))


def test_a_folder_without_such_samples_says_so(tmp_path: Path) -> None:
    image = generate_scene(3, 128).labelled("optical")
    write_coco_folder([image.__class__(**{**vars(image), "scene": None})], tmp_path)
    with pytest.raises(CannotEvaluate, match="classify_image"):
        prepare(Job(tmp_path, "classify_image", split="all"))


def test_a_constant_answer_is_right_as_often_as_its_label_occurs(folder: Path) -> None:
    samples = prepare(Job(folder, "classify_regions", split="all")).samples
    constant = trivial_baselines("classify_regions", samples, samples, "box", SCORER)["constant"]
    most = max(sum(s.expected == label for s in samples) for label in {s.expected for s in samples})
    assert constant["accuracy"] == pytest.approx(most / len(samples))


def test_a_label_drawn_evenly_is_less_like_the_truth_than_the_truth(folder: Path) -> None:
    samples = prepare(Job(folder, "classify_regions", split="all")).samples
    chance = trivial_baselines("classify_regions", samples, samples, "box", SCORER)["chance"]
    labels = {sample.expected for sample in samples}
    assert chance["accuracy"] == pytest.approx(1 / len(labels))
    assert chance["accuracy"] < chance["S-IoU"] < 1
    assert chance["accuracy"] < chance["SS"] < 1


def test_crop_networks_are_trained_once_and_then_read(folder: Path, tmp_path: Path) -> None:
    budget = CropBudget("convnext_atto", 32, 2, 4, most_crops=12)
    said: list[str] = []
    found = {}
    for task in ("classify_regions", "caption_regions"):
        samples = prepare(Job(folder, task, split="all")).samples
        for time in range(2):
            found[task, time] = crop_baseline(
                task, samples[:6], samples, tmp_path, budget, SCORER, said.append
            )
        assert found[task, 0] == found[task, 1]
    # The captioner finds its class by the classifier's weights.
    assert len(said) == 1
    assert "crops" in str(found["classify_regions", 0]["what"])
    assert 0 <= found["caption_regions", 0]["ROUGE-L"] <= 1


def test_questions_are_the_same_in_every_run(folder: Path) -> None:
    images = [s.image for s in prepare(Job(folder, "answer", split="all")).samples]
    for task in TASKS:
        first, again = make_samples(images, task), make_samples(images, task)
        assert [(s.key, s.expected) for s in first] == [(s.key, s.expected) for s in again]


def test_all_drawn_masks_count_as_one(folder: Path) -> None:
    samples = prepare(Job(folder, "segment", split="all")).samples
    sample = next(s for s in samples if len(s.mask_objects) > 1)
    (prediction,) = ask_each(Knowing(deque([sample])), "segment", [sample], "box")
    assert prediction.mask_HW is not None
    assert (prediction.mask_HW == united_mask(sample.image, sample.mask_objects)).all()
