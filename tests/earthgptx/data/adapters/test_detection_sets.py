import json
import math
from pathlib import Path

import numpy as np
import pytest

from earthgptx.data.adapters.registry import open_dataset
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.imagery.masks import decode_rle
from tests.earthgptx.data.adapters import samples


def by_name(path: Path, split: str | None = None) -> dict[str, LabelledImage]:
    return {image.image_id: image for image in open_dataset(path).images(split)}


def test_dior_has_upright_boxes_oriented_corners_and_names_in_words(tmp_path: Path) -> None:
    images = by_name(samples.dior(tmp_path))
    assert set(images) == {"DIOR/00001", "DIOR/00002", "DIOR/11726"}
    both = images["DIOR/00001"]
    assert [thing.label for thing in both.objects] == ["golf course", "expressway service area"]
    assert both.objects[0].box_xyxy_px == (10, 10, 40, 28)
    assert both.objects[0].polygon_xy_px == ((12, 10), (40, 14), (38, 28), (10, 24))
    assert images["DIOR/00002"].objects[0].polygon_xy_px is None
    assert len(both.exhaustive) == 20 and {t.label for t in both.objects} <= both.exhaustive


def test_dior_without_upright_boxes_takes_those_around_the_corners(tmp_path: Path) -> None:
    path = samples.dior(tmp_path)
    (path / "Annotations" / "Horizontal Bounding Boxes" / "00001.xml").unlink()
    (image,) = open_dataset(path).images("train")
    assert image.objects[0].box_xyxy_px == (10, 10, 40, 28)


def test_dior_oriented_objects_in_another_order_are_not_paired(tmp_path: Path) -> None:
    path = samples.dior(tmp_path)
    oriented = path / "Annotations" / "Oriented Bounding Boxes" / "00001.xml"
    oriented.write_text(oriented.read_text().replace("golffield", "airport"))
    (image,) = open_dataset(path).images("train")
    assert [thing.label for thing in image.objects] == ["airport", "expressway service area"]
    assert image.objects[0].box_xyxy_px == (10, 10, 40, 28)


def test_ssdd_has_corners_and_masks_of_radar_images(tmp_path: Path) -> None:
    (image,) = open_dataset(samples.ssdd(tmp_path)).images("test")
    (ship,) = image.objects
    assert (image.modality, image.load_pixels().shape) == ("sar", (60, 80, 1))
    assert ship.box_xyxy_px == (8, 20, 30, 34)
    assert ship.polygon_xy_px == ((10, 20), (30, 24), (28, 34), (8, 30))
    assert ship.mask is not None
    mask_HW = decode_rle(60, 80, str(ship.mask["counts"]))
    assert mask_HW[27, 19] and not mask_HW[21, 28] and 150 < mask_HW.sum() < 250


def test_ssdd_with_boxes_alone_is_read_too(tmp_path: Path) -> None:
    path = samples.ssdd(tmp_path)
    (path / "BBox_RBox_PSeg_SSDD").rename(path / "BBox_SSDD")
    assert len(by_name(path)) == len(by_name(path / "BBox_SSDD")) == 2


def test_a_chip_of_msar_is_complete_only_in_what_it_shows(tmp_path: Path) -> None:
    images = by_name(samples.msar(tmp_path))
    assert images["MSAR-1.0/01"].objects[0].label == "oil tank"
    assert images["MSAR-1.0/01"].exhaustive == {"oil tank"}


def test_dota_has_ground_sampling_and_boxes_cut_at_the_border(tmp_path: Path) -> None:
    images = by_name(samples.dota(tmp_path))
    first, second = images["DOTA/P0000"], images["DOTA/P0003"]
    assert first.gsd_m == pytest.approx(0.146343590398) and second.gsd_m is None
    plane, vehicle = first.objects
    assert plane.polygon_xy_px == ((30, 10), (50, 12), (48, 30), (28, 28))
    assert plane.box_xyxy_px == (28, 10, 50, 30)
    assert (vehicle.label, vehicle.box_xyxy_px) == ("small vehicle", (0, 40, 20, 55))
    assert vehicle.polygon_xy_px is not None and vehicle.polygon_xy_px[0] == (-4, 40)
    assert "container crane" not in first.exhaustive and "small vehicle" in first.exhaustive


def test_a_split_of_dota_is_a_dataset_of_its_own(tmp_path: Path) -> None:
    path = samples.dota(tmp_path)
    (path / "train" / "labelTxt").rename(path / "train" / "labelTxt-v1.5")
    assert set(by_name(path / "train")) == {"DOTA/P0000"}


def test_a_dota_file_without_header_lines_is_read(tmp_path: Path) -> None:
    path = samples.dota(tmp_path)
    labels = path / "val" / "labelTxt" / "P0003.txt"
    labels.write_text(labels.read_text().split("\n", 2)[2])
    assert len(by_name(path, "val")["DOTA/P0003"].objects) == 1


def test_hrsid_tiles_are_grouped_by_their_scene(tmp_path: Path) -> None:
    images = by_name(samples.hrsid(tmp_path))
    image = images["HRSID/P0001_0_800_8400_9200.jpg"]
    assert (image.group, image.modality) == ("P0001", "sar")
    (ship,) = image.objects
    assert ship.box_xyxy_px == (10, 10, 30, 20)
    assert ship.mask is not None
    assert decode_rle(60, 80, str(ship.mask["counts"])).sum() == 200


def test_a_tank_of_sardet_is_an_oil_tank(tmp_path: Path) -> None:
    (image,) = open_dataset(samples.sardet_100k(tmp_path)).images("val")
    assert image.objects[0].label == "oil tank"
    assert image.objects[0].box_xyxy_px == (40, 20, 52, 32)
    assert image.exhaustive == {"oil tank"}


def test_hit_uav_turns_boxes_clockwise_about_their_centre(tmp_path: Path) -> None:
    (image,) = open_dataset(samples.hit_uav(tmp_path)).images("train")
    car, other = image.objects
    assert (image.modality, image.group) == ("infrared", "1_80_90_0")
    assert (car.label, car.box_xyxy_px) == ("car", (30, 25, 50, 35))
    # A quarter turn: 20 x 10 becomes 10 x 20.
    assert other.label == "other vehicle"
    assert other.box_xyxy_px == pytest.approx((15, 10, 25, 30))
    assert image.exhaustive == {"person", "car", "bicycle", "other vehicle"}


def test_a_clockwise_turn_brings_the_right_end_down(tmp_path: Path) -> None:
    path = samples.hit_uav(tmp_path)
    file = path / "rotate_json" / "annotations" / "train.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["bbox"] = [40.0, 30.0, 20.0, 2.0, math.pi / 6]
    file.write_text(json.dumps(content))
    (image,) = open_dataset(path).images("train")
    corners = np.array(image.objects[0].polygon_xy_px)
    right_end = corners[corners[:, 0].argsort()[-2:]].mean(0)
    assert right_end == pytest.approx([40 + 10 * math.cos(math.pi / 6), 35.0])


def test_what_hit_uav_does_not_care_about_makes_counts_unsure(tmp_path: Path) -> None:
    (image,) = open_dataset(samples.hit_uav(tmp_path)).images("val")
    assert [thing.label for thing in image.objects] == ["car", "other vehicle"]
    assert image.exhaustive == frozenset()


def test_the_upright_half_of_hit_uav_has_its_own_spelling(tmp_path: Path) -> None:
    dataset = open_dataset(samples.hit_uav_normal(tmp_path))
    assert dataset.format_name == "hit_uav"
    for split in dataset.format.splits:
        (image,) = dataset.images(split)
        (car,) = image.objects
        assert (car.label, car.box_xyxy_px, car.polygon_xy_px) == ("car", (30, 25, 50, 35), None)


def test_ones_own_coco_file_tells_modality_and_masks(tmp_path: Path) -> None:
    (image,) = open_dataset(samples.coco(tmp_path)).images()
    assert (image.modality, image.gsd_m, image.source) == ("sar", 3.0, "own")
    with_mask, without = image.objects
    assert with_mask.label == "cargo ship" and without.mask is None
    assert with_mask.mask is not None
    assert decode_rle(60, 80, str(with_mask.mask["counts"])).sum() == 200


def test_what_a_coco_file_ignores_makes_counts_unsure(tmp_path: Path) -> None:
    path = samples.coco(tmp_path)
    content = json.loads(path.read_text())
    content["annotations"][1]["iscrowd"] = 1
    path.write_text(json.dumps(content))
    (image,) = open_dataset(path).images()
    assert len(image.objects) == 1 and image.exhaustive == frozenset()
