"""What every format has in common: recognised by its names, whole without faults, faults named."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earthgptx.data.adapters.registry import FORMATS, GENERIC, open_dataset
from earthgptx.data.coco_folder import DataError
from earthgptx.data.record_shards import write_shards
from tests.earthgptx.data.adapters.samples import SAMPLES


def everything(path: Path, format_name: str = "auto") -> tuple[int, int]:
    dataset = open_dataset(path, format_name)
    pixels = [image.load_pixels() for image in dataset.images()]
    pixels += [record.image.load_pixels() for record in dataset.records()]
    assert all(array.dtype == np.uint8 and array.ndim == 3 for array in pixels)
    return len(list(dataset.images())), len(list(dataset.records()))


def test_every_format_but_shards_has_a_sample() -> None:
    assert set(SAMPLES) == set(FORMATS) - {"shards"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_is_recognised_by_its_names_and_read_to_the_end(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name](tmp_path)
    dataset = open_dataset(path)
    assert dataset.format_name == name
    images, records = everything(path)
    assert images + records > 0
    for image in dataset.images():
        assert image.width_px > 0 and image.licence and image.source
        assert image.load_pixels().shape[:2] == (image.height_px, image.width_px)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_parts_of_a_set_make_up_the_whole(name: str, tmp_path: Path) -> None:
    dataset = open_dataset(SAMPLES[name](tmp_path))
    splits = dataset.format.splits
    with pytest.raises(DataError, match="no split 'holiday'"):
        dataset.images("holiday")
    if not splits or name in ("coco", "jsonl"):
        return
    whole = [record.record_id for record in dataset.records()]
    parts = [record.record_id for split in splits for record in dataset.records(split)]
    assert sorted(parts) == sorted(whole) and len(set(whole)) == len(whole)
    images = {image.image_id for split in splits for image in dataset.images(split)}
    assert images == {image.image_id for image in dataset.images()}


def edit(relative: str, old: str, new: str) -> Callable[[Path], str]:
    """Replaces text in a file; the fault has to name the file."""

    def broken(root: Path) -> str:
        path = root / relative
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return path.name

    return broken


def remove(relative: str) -> Callable[[Path], str]:
    """Removes a picture; the fault has to name it."""

    def broken(root: Path) -> str:
        path = root / relative
        path.unlink()
        return path.name

    return broken


def garble(relative: str) -> Callable[[Path], str]:
    """Makes something else of a picture."""

    def broken(root: Path) -> str:
        (root / relative).write_bytes(b"this is no picture")
        return Path(relative).name

    return broken


_HBB = "Annotations/Horizontal Bounding Boxes/00002.xml"
_VOC_SSDD = "BBox_RBox_PSeg_SSDD/voc_style"
_MMRS = "data/json/detection/HRSID.json"
_HRSID = "annotations/train2017.json"
_SARDET = "Annotations/test.json"
_HIT_UAV = "rotate_json/annotations/train.json"
_RRSIS_D = "rrsisd/instances.json"
_RSICD = "annotations_rsicd/dataset_rsicd.json"
# name of the format, what is done to it, which record the message names.
BROKEN: list[tuple[str, Callable[[Path], str], str]] = [
    ("dior", remove("JPEGImages-trainval/00002.jpg"), ""),
    ("dior", edit(_HBB, "<xmax>40</xmax>", "<xmax>wide</xmax>"), "object 1"),
    ("dior", edit(_HBB, "<xmin>50</xmin>", "<xmin>90</xmin>"), "object 2"),
    ("dior", edit(_HBB, "</annotation>", ""), ""),
    ("dior_rsvg", remove("JPEGImages/00004.jpg"), ""),
    ("dior_rsvg", edit("Annotations/00001.xml", "A green and brown golf field", ""), "object 1"),
    ("dior_rsvg", edit("Annotations/00001.xml", "<ymin>5</ymin>", "<ymin>12</ymin>"), "object 2"),
    ("dior_rsvg", edit("train.txt", "2", "two"), "line 2"),
    ("ssdd", remove(f"{_VOC_SSDD}/JPEGImages/000001.jpg"), ""),
    ("ssdd", edit(f"{_VOC_SSDD}/Annotations/000001.xml", "<x2>30</x2>", ""), "object 1"),
    ("ssdd", edit(f"{_VOC_SSDD}/Annotations/000001.xml", "<ymax>34", "<ymax>-3"), "object 1"),
    ("msar", garble("JPEGImages/01.jpg"), ""),
    ("msar", edit("Annotations/02.xml", "<name>bridge</name>", "<name></name>"), "object 1"),
    ("msar", edit("Annotations/02.xml", "<xmin>3", "<xmin>300"), "object 1"),
    ("dota", remove("val/images/P0003.png"), ""),
    ("dota", edit("train/labelTxt/P0000.txt", " plane 0", ""), "line 3"),
    ("dota", edit("train/labelTxt/P0000.txt", "30.0 10.0", "30.0 ten"), "line 3"),
    (
        "dota",
        edit("val/labelTxt/P0003.txt", "30.0 10.0 50.0 12.0 48.0 30.0 28.0 28.0", "99 9 " * 4),
        "line 3",
    ),
    ("hrsid", remove("JPEGImages/P0002_0_800_0_800.jpg"), ""),
    ("hrsid", edit(_HRSID, '"bbox"', '"box"'), "annotation 1"),
    ("hrsid", edit(_HRSID, "[10, 10, 20, 10]", "[99, 9, 9, 9]"), "annotation 1"),
    ("sardet_100k", remove("JPEGImages/val/0000003.png"), ""),
    ("sardet_100k", edit(_SARDET, '"category_id": 3', '"category_id": 9'), "annotation 7"),
    ("sardet_100k", edit(_SARDET, "[40, 20, 12, 12]", "[40, 20, 0, 12]"), "annotation 7"),
    ("hit_uav", remove("rotate_json/val/1_80_90_0_01343.jpg"), ""),
    ("hit_uav", edit(_HIT_UAV, '"width": 80', '"width": null'), "image 1_80"),
    ("hit_uav", edit(_HIT_UAV, "[40.0, 30.0", "[400.0, 30.0"), "annotation 0"),
    ("coco", remove("images/harbour.png"), ""),
    ("coco", edit("own.json", '"sar"', '"sonar"'), "image harbour.png"),
    ("coco", edit("own.json", "[40, 6, 20, 10]", "[40, 6, 20]"), "annotation 2"),
    ("coco", edit("own.json", '"size": [60, 80]', '"size": [80, 60]'), "annotation 1"),
    ("rrsis_d", remove("images/rrsisd/JPEGImages/00002.jpg"), ""),
    ("rrsis_d", edit(_RRSIS_D, "[10, 8, 30, 20]", "[30, 8, 10, 20]"), "annotation 1"),
    ("rrsis_d", edit(_RRSIS_D, '"categories_id": 1', '"categories_id": 7'), "annotation 2"),
    ("refsegrs", remove("masks/12.tif"), ""),
    ("refsegrs", garble("images/7.tif"), ""),
    ("refsegrs", edit("output_phrase_val.txt", "7 road", "7"), "line 1"),
    ("rsicd", remove("RSICD_images/00623.jpg"), ""),
    ("rsicd", edit(_RSICD, '"raw"', '"row"'), "image airport_1.jpg"),
    ("ucm_captions", remove("UCM_captions/imgs/2.tif"), ""),
    ("ucm_captions", edit("UCM_captions/dataset.json", '"filename": "1.tif", ', ""), "image None"),
    ("sydney_captions", edit("Sydney_captions/dataset.json", '"images"', '"pictures"'), "the file"),
    ("rsvqa_lr", remove("Images_LR/1.tif"), ""),
    (
        "rsvqa_lr",
        edit("LR_split_train_questions.json", '"answers_ids": [3]', '"answers_ids": []'),
        "question 3",
    ),
    (
        "rsvqa_hr",
        edit("USGS_split_test_questions.json", '"answers_ids": [2]', '"answers_ids": [1]'),
        "question 2",
    ),
    ("resisc45", garble("NWPU-RESISC45/airplane/airplane_002.jpg"), ""),
    ("eurosat", garble("2750/SeaLake/SeaLake_1.jpg"), ""),
    ("ucmerced", garble("UCMerced_LandUse/Images/agricultural/agricultural00.tif"), ""),
    ("aid", garble("Airport/airport_1.jpg"), ""),
    ("folders", garble("harbour/a.png"), ""),
    ("mmrs_1m", remove("data/HRSID/P0001.jpg"), ""),
    ("mmrs_1m", edit(_MMRS, '"gpt"', '"robot"'), "sample 0"),
    ("mmrs_1m", edit(_MMRS, "[0.25,0.50,0.50,0.75", "[0.25,0.02,0.50,0.10"), "sample 0"),
    ("rsvp", remove("images/thermal_1.png"), ""),
    ("rsvp", edit("rsvp.json", "[10, 5, 20, 10]", "[10, 5, 20]"), "sample 0"),
    ("rsvp", edit("rsvp.json", "[15, 8]", "[150, 8]"), "sample 1"),
    ("rsvp", edit("rsvp.json", "<Region 1>?", "<Region 3>?"), "sample 0"),
    ("jsonl", remove("pictures/harbour.png"), ""),
    ("jsonl", remove("ship.png"), ""),
    ("jsonl", edit("my.jsonl", '"answer": "a ship", ', ""), "line 1"),
    ("jsonl", edit("my.jsonl", '{"image"', '{"image'), "line 1"),
    ("jsonl", edit("my.jsonl", "[20, 10]", "[20, 100]"), "line 1"),
    ("jsonl", edit("my.jsonl", "[SEG]", "[BOX]"), "line 2"),
]


@pytest.mark.parametrize(("name", "damage", "record"), BROKEN)
def test_what_is_broken_names_its_file_and_its_record(
    name: str, damage: Callable[[Path], str], record: str, tmp_path: Path
) -> None:
    path = SAMPLES[name](tmp_path)
    named = damage(tmp_path)
    with pytest.raises(DataError) as raised:
        everything(path, name)
    assert re.search(f"{re.escape(named)}.*{re.escape(record)}", str(raised.value))


def test_every_set_has_a_case_of_damage() -> None:
    assert {name for name, _, _ in BROKEN} == set(SAMPLES)


@pytest.mark.parametrize("name", ["dior", "dota", "hrsid", "rrsis_d", "mmrs_1m", "jsonl"])
def test_a_broken_record_can_be_left_out_and_the_others_are_read(name: str, tmp_path: Path) -> None:
    path = SAMPLES[name](tmp_path)
    before = sum(everything(path))
    damage = next(d for n, d, record in BROKEN if n == name and record not in ("", "the file"))
    damage(tmp_path)
    faults: list[DataError] = []
    dataset = open_dataset(path, name, faults.append)
    after = len([*dataset.images(), *dataset.records()])
    assert 0 < after < before
    assert faults


def test_a_path_that_cannot_be_told_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        open_dataset(tmp_path / "nothing")
    with pytest.raises(DataError, match="no known format; name it"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match="'netcdf' is none of aid, coco"):
        open_dataset(tmp_path, "netcdf")
    SAMPLES["dior"](tmp_path)
    SAMPLES["dota"](tmp_path)
    with pytest.raises(DataError, match="could be dior or dota; name it"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, "dota").format_name == "dota"


def test_a_public_set_is_told_from_a_folder_of_classes(tmp_path: Path) -> None:
    assert set(GENERIC) <= set(FORMATS)
    path = SAMPLES["resisc45"](tmp_path)
    assert FORMATS["folders"].recognises(path)
    assert open_dataset(path).format_name == "resisc45"


def test_a_folder_of_images_is_not_taken_for_a_class(tmp_path: Path) -> None:
    path = SAMPLES["folders"](tmp_path)
    (path / "harbour").rename(path / "images")
    with pytest.raises(DataError, match="no known format"):
        open_dataset(path)


def test_shards_are_opened_like_any_other_dataset(tmp_path: Path) -> None:
    source = open_dataset(SAMPLES["jsonl"](tmp_path / "own"))
    write_shards(source.records(), tmp_path / "shards", source.name)
    dataset = open_dataset(tmp_path / "shards")
    assert dataset.format_name == "shards"
    assert [r.question for r in dataset.records()] == [r.question for r in source.records()]
    assert [r.record_id for r in dataset.records("train")] == ["my/1"]
