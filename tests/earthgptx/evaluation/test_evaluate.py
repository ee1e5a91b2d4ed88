"""A fake that knows the truth must score 1, one that says nothing 0."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.evaluation.answerer import ask
from earthgptx.evaluation.baselines import region_mask, trivial_baselines
from earthgptx.evaluation.crop_classifier import CropBudget, crop_baseline
from earthgptx.evaluation.evaluate import Job, NothingToEvaluate, evaluate_folder, prepare, rounded
from earthgptx.evaluation.samples import TASKS, Sample, make_samples, mark_of, united_mask
from earthgptx.imagery.marks import Region

SCENES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes")
    modalities = ("optical", "sar", "infrared")
    scenes = [generate_scene(40 + n, 128).labelled(modalities[n % 3]) for n in range(SCENES)]
    assert write_coco_folder(scenes, out) == SCENES
    return out


@dataclass
class Drawn:
    mask_HW: np.ndarray


@dataclass
class Said:
    text: str = ""
    boxes: tuple = ()
    masks: tuple = ()


@dataclass
class Knowing:
    """Is told which sample comes next."""

    sample: Sample | None = None
    seen: list[int] = field(default_factory=list)

    def answer(
        self,
        pixels_HWC: np.ndarray,
        question: str,
        regions: Sequence[Region] = (),
        modality: str | None = None,
    ) -> Said:
        sample = self.sample
        assert sample is not None and question == sample.question
        assert pixels_HWC.shape == (sample.image.height_px, sample.image.width_px, 3)
        self.seen.append(len(regions))
        masks = ()
        if sample.mask_objects:
            masks = tuple(Drawn(united_mask(sample.image, (i,))) for i in sample.mask_objects)
        return Said(sample.expected, (("things", sample.boxes),), masks)

    def segment_regions(
        self, pixels_HWC: np.ndarray, regions: Sequence[Region]
    ) -> tuple[Drawn, ...]:
        assert self.sample is not None and len(regions) == 1
        return (Drawn(united_mask(self.sample.image, self.sample.mask_objects)),)


class Silent:
    def answer(self, *_: object, **__: object) -> Said:
        return Said()

    def segment_regions(self, *_: object) -> tuple[Drawn, ...]:
        return ()


HEADLINE = {
    "classify_regions": "accuracy",
    "classify_image": "accuracy",
    "segment": "mIoU",
    "segment_by_mark": "mIoU",
    "detect": "F1@0.5",
    "caption": "S-IoU",
    "answer": "accuracy",
}


def _run(job: Job, answerer: Knowing | Silent) -> dict:
    def tell(samples, total):  # type: ignore[no-untyped-def]
        for sample in samples:
            if isinstance(answerer, Knowing):
                answerer.sample = sample
            yield sample

    return evaluate_folder(job, answerer, None, tell)[0]


@pytest.mark.parametrize("task", TASKS)
def test_who_knows_the_truth_scores_one_and_silence_scores_zero(folder: Path, task: str) -> None:
    job = Job(folder, task, "box", "all", limit=20)
    report = _run(job, Knowing())
    metrics = report["metrics"]
    assert metrics[HEADLINE[task]] == pytest.approx(1.0)
    assert report["samples"] == min(20, len(prepare(Job(folder, task, "box", "all")).samples))
    assert sum(row["samples"] for row in report["per_class"].values()) == report["samples"]
    assert sum(row["samples"] for row in report["per_modality"].values()) == report["samples"]
    assert all(baseline["what"] for baseline in report["baselines"].values())
    json.dumps(rounded(report))
    silent = _run(job, Silent())["metrics"]
    assert silent[HEADLINE[task]] == 0.0


@pytest.mark.parametrize("prompts", ["box", "point", "scribble", "polygon"])
def test_marks_lie_on_what_they_mark(folder: Path, prompts: str) -> None:
    samples = prepare(Job(folder, "segment_by_mark", prompts, "all")).samples[:10]  # type: ignore[arg-type]
    for sample in samples:
        image = sample.image
        truth = united_mask(image, sample.mask_objects)
        region = mark_of(sample, prompts)  # type: ignore[arg-type]
        assert region == mark_of(sample, prompts)  # type: ignore[arg-type]
        covered = region_mask(region, image.height_px, image.width_px)
        assert (covered & truth).any() or prompts in ("point", "scribble")


def test_the_limit_takes_the_same_first_samples_and_order_mixes_images(folder: Path) -> None:
    many = prepare(Job(folder, "classify_regions", split="all")).samples
    few = prepare(Job(folder, "classify_regions", split="all", limit=5)).samples
    assert [s.key for s in few] == [s.key for s in many[:5]]
    assert len({s.image.image_id for s in few}) > 1


def test_evaluated_images_are_not_those_the_constants_come_from(folder: Path) -> None:
    prepared = prepare(Job(folder, "classify_regions", split="val"))
    evaluated = {sample.image.image_id for sample in prepared.samples}
    assert evaluated and evaluated.isdisjoint(s.image.image_id for s in prepared.rest)


def test_a_folder_without_such_samples_says_so(tmp_path: Path) -> None:
    image = generate_scene(3, 128).labelled("optical")
    write_coco_folder([image.__class__(**{**vars(image), "scene": None})], tmp_path)
    with pytest.raises(NothingToEvaluate, match="classify_image"):
        prepare(Job(tmp_path, "classify_image", split="all"))


def test_a_constant_answer_is_right_as_often_as_its_label_occurs(folder: Path) -> None:
    samples = prepare(Job(folder, "classify_regions", split="all")).samples
    constant = trivial_baselines("classify_regions", samples, samples, "box")["constant"]
    most = max(sum(s.expected == label for s in samples) for label in {s.expected for s in samples})
    assert constant["accuracy"] == pytest.approx(most / len(samples))


def test_the_crop_classifier_is_trained_once_and_then_read(folder: Path, tmp_path: Path) -> None:
    samples = prepare(Job(folder, "classify_regions", split="all")).samples
    budget = CropBudget("convnext_atto", 32, 2, 4, most_crops=12)
    said: list[str] = []
    first = crop_baseline("classify_regions", samples[:6], samples, tmp_path, budget, said.append)
    again = crop_baseline("classify_regions", samples[:6], samples, tmp_path, budget, said.append)
    assert first == again
    assert len(said) == 1
    assert "12 crops" in str(first["what"])


def test_questions_are_the_same_in_every_run(folder: Path) -> None:
    images = [s.image for s in prepare(Job(folder, "answer", split="all")).samples]
    for task in TASKS:
        first, again = make_samples(images, task), make_samples(images, task)
        assert [(s.key, s.expected) for s in first] == [(s.key, s.expected) for s in again]


def test_all_drawn_masks_count_as_one(folder: Path) -> None:
    samples = prepare(Job(folder, "segment", split="all")).samples
    sample = next(s for s in samples if len(s.mask_objects) > 1)
    prediction = ask(Knowing(sample), sample, "box")
    assert prediction.mask_HW is not None
    assert (prediction.mask_HW == united_mask(sample.image, sample.mask_objects)).all()
