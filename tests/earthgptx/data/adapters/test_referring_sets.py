from pathlib import Path

import pytest

from earthgptx.data.adapters.registry import open_dataset
from earthgptx.data.coco_folder import DataError
from earthgptx.data.records import InstructionRecord
from earthgptx.imagery.mark_shapes import BoxMark
from earthgptx.imagery.masks import decode_rle
from tests.earthgptx.data.adapters import samples


def by_task(path: Path, split: str | None = None) -> dict[str, list[InstructionRecord]]:
    found: dict[str, list[InstructionRecord]] = {}
    for record in open_dataset(path).records(split):
        found.setdefault(record.task, []).append(record)
    return found


def test_an_expression_of_dior_rsvg_is_asked_for_in_three_ways(tmp_path: Path) -> None:
    tasks = by_task(samples.dior_rsvg(tmp_path), "train")
    assert {task: len(records) for task, records in tasks.items()} == {
        "refer_box": 2,
        "region_caption": 2,
        "refer_class": 2,
    }
    find, describe = tasks["refer_box"][0], tasks["region_caption"][0]
    assert "a green and brown golf field" in find.question
    assert find.answer == "<p>a green and brown golf field</p>[BOX]"
    assert find.boxes == (((10, 10, 40, 28),),)
    assert "<Region 1>" in describe.question
    assert describe.answer == "A green and brown golf field"
    assert describe.marks[0].marks == (BoxMark(10, 10, 40, 28),)
    assert tasks["refer_class"][0].answer == "golf course"


def test_the_numbers_of_dior_rsvg_count_expressions_over_all_files(tmp_path: Path) -> None:
    path = samples.dior_rsvg(tmp_path)
    (val,) = by_task(path, "val")["refer_box"]
    assert val.record_id == "DIOR-RSVG/1/refer_box" and "the vehicle on the right" in val.question
    assert [image.image_id for image in open_dataset(path).images("val")] == ["DIOR-RSVG/00001"]
    assert list(open_dataset(path).records("test")) == []


def test_a_broken_object_does_not_shift_the_numbers_after_it(tmp_path: Path) -> None:
    path = samples.dior_rsvg(tmp_path)
    first = path / "Annotations" / "00001.xml"
    first.write_text(first.read_text().replace("<xmin>10</xmin>", "<xmin>100</xmin>"))
    faults: list[DataError] = []
    left = list(open_dataset(path, report=faults.append).records())
    assert [r.record_id for r in left if r.task == "refer_box"] == ["DIOR-RSVG/2/refer_box"]
    assert left[0].split == "train" and len(faults) == 1


def test_rrsis_d_is_read_from_its_pickle_with_corners_and_masks(tmp_path: Path) -> None:
    path = samples.rrsis_d(tmp_path)
    tasks = by_task(path, "train")
    (segment,) = tasks["refer_mask"]
    assert segment.answer == "<p>the expressway service area on the left</p>[SEG]"
    assert segment.masks[0] is not None
    mask_HW = decode_rle(60, 80, str(segment.masks[0]["counts"]))
    assert mask_HW[8:20, 10:30].all() and mask_HW.sum() == 240
    (marked,) = tasks["refer_class"]
    assert marked.marks[0].marks == (BoxMark(10, 8, 30, 20),)
    assert marked.answer == "expressway service area"
    (image,) = open_dataset(path).images("test")
    assert image.objects[0].label == "baseball field" and image.objects[0].mask is not None


def test_a_pickle_that_would_run_something_is_refused_by_name(tmp_path: Path) -> None:
    path = samples.rrsis_d(tmp_path)
    (path / "rrsisd" / "refs(unc).p").write_bytes(b"cos\nsystem\n(S'touch gone'\ntR.")
    with pytest.raises(DataError, match=r"refs\(unc\)\.p: the file: GLOBAL is not among"):
        list(open_dataset(path).records())


def test_the_same_question_comes_out_every_time(tmp_path: Path) -> None:
    path = samples.rrsis_d(tmp_path)
    first = [record.question for record in open_dataset(path).records()]
    assert first == [record.question for record in open_dataset(path).records()]


def test_refsegrs_masks_are_those_above_the_threshold(tmp_path: Path) -> None:
    (record,) = by_task(samples.refsegrs(tmp_path), "train")["refer_mask"]
    assert record.answer == "<p>vehicle in the parking area</p>[SEG]"
    assert record.masks[0] is not None and record.image.gsd_m == 0.13
    mask_HW = decode_rle(64, 64, str(record.masks[0]["counts"]))
    assert mask_HW[10:20, 30:50].all() and mask_HW.sum() == 200
