import json
from pathlib import Path

import pytest

from earthgptx.data.adapters.registry import open_dataset
from earthgptx.data.coco_folder import DataError
from earthgptx.data.records import answer_through
from earthgptx.imagery.mark_shapes import BoxMark, PointMark
from earthgptx.imagery.windows import whole_image
from tests.earthgptx.data.adapters import samples


def test_every_sentence_of_a_caption_set_is_a_record(tmp_path: Path) -> None:
    records = list(open_dataset(samples.rsicd(tmp_path)).records("train"))
    assert len(records) == 5
    assert records[3].answer == "many planes are parked next to a building 3 ."
    assert {record.image.image_id for record in records} == {"RSICD/airport_1"}


def test_two_caption_sets_of_one_layout_are_told_apart_by_the_folder(tmp_path: Path) -> None:
    path = samples.ucm_captions(tmp_path)
    assert next(open_dataset(path).records()).source == "UCM-captions"
    renamed = path.rename(path.with_name("captions"))
    with pytest.raises(DataError, match="no known format"):
        open_dataset(renamed)
    assert next(open_dataset(renamed, "sydney_captions").records()).source == "Sydney-captions"


def test_rsvqa_answers_only_what_is_active_in_the_split(tmp_path: Path) -> None:
    dataset = open_dataset(samples.rsvqa_hr(tmp_path))
    train = list(dataset.records("train"))
    assert [record.task for record in train] == ["presence", "rural_urban", "area"]
    assert [record.answer for record in train] == ["yes", "urban", "1934m2"]
    (test,) = dataset.records("test")
    assert (test.question, test.answer) == ("What is the amount of roads?", "12")
    assert test.image.gsd_m == 0.15


def test_the_questions_about_an_image_of_rsvqa_follow_each_other(tmp_path: Path) -> None:
    train = list(open_dataset(samples.rsvqa_lr(tmp_path)).records("train"))
    assert [record.image.image_id for record in train] == [
        "RSVQA-LR/0",
        "RSVQA-LR/0",
        "RSVQA-LR/1",
    ]
    assert train[0].image is train[1].image


def test_boxes_of_mmrs_are_taken_off_the_padded_square(tmp_path: Path) -> None:
    detection, region = open_dataset(samples.mmrs_1m(tmp_path)).records()
    assert detection.image.modality == "sar" and detection.task == "detection"
    assert detection.question == "Detect all ships."
    assert detection.answer == "There are <p>2 ships</p>[BOX]."
    # 80 x 60 px in 80 x 80: y loses ten rows; a box rounded to no width is a hundredth wide.
    first, second = detection.boxes[0]
    assert first == pytest.approx((20, 30, 40, 50))
    assert second == pytest.approx((7.6, 14, 8.4, 22))
    assert region.question == "Describe <Region 1> in the image."
    assert region.marks[0].marks == (BoxMark(20, 30, 40, 50),)
    assert region.image.modality == "optical"


def test_boxes_are_said_again_as_mmrs_said_them(tmp_path: Path) -> None:
    detection, _ = open_dataset(samples.mmrs_1m(tmp_path)).records()
    said = answer_through(detection, whole_image(80, 60))
    assert "<p>2 ships</p>[0.25,0.50,0.50,0.75;" in said


def test_a_portrait_image_is_padded_left_and_right(tmp_path: Path) -> None:
    path = samples.mmrs_1m(tmp_path)
    samples.picture(path / "data" / "DIOR" / "00001.jpg", (60, 80))
    _, region = open_dataset(path).records()
    assert region.marks[0].marks == (BoxMark(10, 40, 30, 60),)


def test_marks_of_rsvp_are_regions_in_their_order(tmp_path: Path) -> None:
    records = list(open_dataset(samples.rsvp(tmp_path)).records())
    assert len(records) == 4
    boxes, points = records[0], records[2]
    assert [region.marks for region in boxes.marks] == [
        (BoxMark(10, 5, 30, 15),),
        (BoxMark(0, 0, 40, 30),),
    ]
    assert points.marks[0].marks == (PointMark(15, 8),)
    assert boxes.question == "What is <Region 1>? And <Region 2>?"
    assert records[1].answer == "<Region 1> lies in <Region 2>."
    assert boxes.image.modality == "infrared"


def test_lines_of_conversations_are_read_like_a_list_of_them(tmp_path: Path) -> None:
    path = samples.rsvp(tmp_path)
    lines = [json.dumps(sample) for sample in json.loads(path.read_text())]
    as_lines = path.with_suffix(".jsonl")
    as_lines.write_text("\n".join(lines))
    dataset = open_dataset(as_lines)
    assert dataset.format_name == "rsvp"
    asked = [record.question for record in dataset.records()]
    assert asked == [record.question for record in open_dataset(path).records()]


def test_ones_own_lines_hold_marks_masks_and_boxes(tmp_path: Path) -> None:
    marked, grounded = open_dataset(samples.jsonl(tmp_path)).records()
    assert marked.image.modality == "sar" and marked.image.load_pixels().shape == (60, 80, 1)
    assert marked.marks[0].marks == (BoxMark(10, 5, 30, 15), PointMark(20, 10))
    assert (marked.split, marked.source, marked.record_id) == ("train", "my", "my/1")
    assert grounded.masks[0] is not None and grounded.boxes == (((40, 10, 60, 50),),)
    assert (grounded.licence, grounded.task) == ("CC0-1.0", "grounded")
    assert (grounded.image.group, grounded.image.gsd_m) == ("port", 0.5)
    assert [r.record_id for r in open_dataset(tmp_path / "my.jsonl").records("val")] == []
